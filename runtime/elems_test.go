package runtime

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gpamc/gpamc/ir"
)

// An operator on elements of another type than its example's is refused by inference, or it is computed: it does not panic.
func TestOtherElements(t *testing.T) {
	for _, op := range ir.Ops() {
		for _, e := range []string{"f64", "f16", "bf16", "f8e5m2", "i64", "i32", "i8", "u64", "u8", "bool", "str", "c64"} {
			var params []string
			for f := strings.Fields(op.Inputs); len(f) >= 2; f = f[2:] {
				params = append(params, f[0]+" "+strings.Replace(f[1], "f32[", e+"[", 1))
			}
			p, err := ir.ParseProgram(fmt.Sprintf("func f(%s) {\ny = %s\nreturn y\n}", strings.Join(params, ", "), op.Example))
			if err != nil || !strings.Contains(op.Inputs, "f32[") {
				continue
			}
			func() {
				defer func() {
					if r := recover(); r != nil {
						t.Errorf("%s of %s: %v", op.Name, e, r)
					}
				}()
				Eval(p, RandomInputs(p.Main, 1, nil), Options{}) // an error is fine: it says what is wrong
			}()
		}
	}
}
