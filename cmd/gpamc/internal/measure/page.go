package measure

import (
	"bytes"
	"html/template"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Step is the program after a pass; Pass is "" before the first.
type Step struct {
	Pass  string
	Text  string
	Nodes int
	Fired map[string]int
}

// Page shows steps side by side, in one file without anything from elsewhere. Those that changed nothing are left out. A click on a
// value marks it in its column.
func Page(title string, steps []Step) ([]byte, error) {
	type column struct {
		Title, Rules string
		Lines        []template.HTML
	}
	var columns []column
	last := ""
	for _, s := range steps {
		if s.Text == last {
			continue
		}
		last = s.Text
		c := column{Title: s.Pass + ": " + strconv.Itoa(s.Nodes) + " nodes"}
		if s.Pass == "" {
			c.Title = "as imported: " + strconv.Itoa(s.Nodes) + " nodes"
		}
		for _, rule := range slices.Sorted(maps.Keys(s.Fired)) {
			c.Rules += " " + rule + ":" + strconv.Itoa(s.Fired[rule])
		}
		for line := range strings.Lines(s.Text) {
			c.Lines = append(c.Lines, markup(line))
		}
		columns = append(columns, c)
	}
	var b bytes.Buffer
	err := page.Execute(&b, map[string]any{"Title": title, "Columns": columns})
	return b.Bytes(), err
}

var word = regexp.MustCompile(`"(\\.|[^"\\])*"|[A-Za-z_][A-Za-z_0-9.]*`)

// markup puts every word that may be a value into a span of its name.
func markup(line string) template.HTML {
	var b strings.Builder
	at := 0
	for _, m := range word.FindAllStringIndex(line, -1) {
		b.WriteString(template.HTMLEscapeString(line[at:m[0]]))
		text := template.HTMLEscapeString(line[m[0]:m[1]])
		b.WriteString("<i>" + text + "</i>")
		at = m[1]
	}
	b.WriteString(template.HTMLEscapeString(line[at:]))
	return template.HTML(b.String())
}

var page = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Title}}</title><style>
body { font: 14px sans-serif; margin: 1em } main { display: flex; gap: 1em; align-items: flex-start }
section { border: 1px solid #ccc; padding: .5em; min-width: 30em; resize: horizontal; overflow: auto }
section.small { min-width: 0; width: 2em; height: 12em; overflow: hidden } section.small pre, section.small p { display: none }
h2 { font-size: 14px; margin: 0; cursor: pointer } p { color: #777; margin: .3em 0 } pre { font: 12px monospace; margin: 0 }
i { font-style: normal; cursor: pointer } i.on { background: #fd6 }
</style></head><body><h1>{{.Title}}</h1><p>A click on a value marks it; a click on a title folds the column.</p><main>
{{range .Columns}}<section><h2>{{.Title}}</h2><p>{{.Rules}}</p><pre>{{range .Lines}}{{.}}{{end}}</pre></section>
{{end}}</main><script>
for (const h of document.querySelectorAll("h2")) h.onclick = () => h.parentNode.classList.toggle("small");
document.onclick = e => {
	if (e.target.tagName !== "I") return;
	const on = !e.target.classList.contains("on");
	for (const i of e.target.closest("section").querySelectorAll("i"))
		if (i.textContent === e.target.textContent) i.classList.toggle("on", on);
};
</script></body></html>
`))
