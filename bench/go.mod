module github.com/gpamc/gpamc/bench

go 1.26

require (
	github.com/gpamc/gpamc v0.0.0
	github.com/yalue/onnxruntime_go v1.27.0
	golang.org/x/sys v0.30.0
	google.golang.org/protobuf v1.36.5
)

require (
	golang.org/x/image v0.21.0 // indirect
	gonum.org/v1/gonum v0.15.1 // indirect
	pgregory.net/rapid v1.1.0 // indirect
)

replace github.com/gpamc/gpamc => ../
