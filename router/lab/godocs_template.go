package lab

import "html/template"

// pageTemplate is the one layout of the site: boilerplate around a main part,
// as everywhere on the web.
var pageTemplate = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="{{.Charset}}">
<title>{{.Title}} · Lab documentation</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="{{.Title}}, from the Go source tree of this machine">
{{- if .NoIndex}}
<meta name="robots" content="noindex">{{end}}
{{- if .Canonical}}
<link rel="canonical" href="{{.Canonical}}">{{end}}
<style>
body{margin:0;font:16px/1.55 system-ui,sans-serif;color:#222;background:#fbfbf8}
header,footer{background:#27402f;color:#e8efe6;padding:.8rem 1.5rem}
header a,footer a{color:#cfe3c8;margin-right:1rem}
main{max-width:54rem;margin:0 auto;padding:1rem 1.5rem 3rem}
nav.crumbs{max-width:54rem;margin:0 auto;padding:.6rem 1.5rem;font-size:.85rem}
pre{background:#f0f1ea;padding:.7rem;overflow:auto;font-size:.85rem;border-radius:4px}
h2{border-bottom:1px solid #d5d8cc;padding-bottom:.2rem;margin-top:2.2rem}
ul.links{columns:2;padding-left:1.2rem}
a{color:#2a6b3f}
</style>
</head>
<body>
<header>
<strong>Lab documentation</strong>
<nav><a href="/">Home</a><a href="/pkg?utm_source=header&amp;utm_medium=nav">Packages</a><a href="/mirror">Mirrors</a><a href="/internal/">Internal</a><a href="/search?q=io" rel="nofollow">Search</a></nav>
</header>
<nav class="crumbs">{{range .Crumbs}}<a href="{{.Href}}">{{.Text}}</a> › {{end}}</nav>
<main>
<h1>{{.Title}}</h1>
{{- if .Lead}}
<p>{{.Lead}}</p>{{end}}
{{.Overview}}
{{- range .Sections}}
<section>
<h2>{{.Title}}</h2>
{{- range .Items}}
<div class="declaration"{{if .ID}} id="{{.ID}}"{{end}}>
{{- if .Heading}}
<h3>{{.Heading}}</h3>{{end}}
<pre><code>{{.Code}}</code></pre>
{{.Doc}}
{{- range .Examples}}
<h4>Example{{if .Name}} ({{.Name}}){{end}}</h4>
{{if .Doc}}<p>{{.Doc}}</p>{{end}}
<pre><code>{{.Code}}</code></pre>
{{if .Output}}<p>Output:</p>
<pre>{{.Output}}</pre>{{end}}
{{- end}}
</div>
{{- end}}
</section>
{{- end}}
{{- range .Lists}}{{if .Links}}
<section>
<h2>{{.Title}}</h2>
<ul class="links">
{{- range .Links}}
<li><a href="{{.Href}}">{{.Text}}</a></li>{{end}}
</ul>
</section>{{end}}{{end}}
</main>
<footer>
<p>Rendered by Fallow’s lab — nothing here leaves this machine. Texts belong to the Go authors.</p>
<nav><a href="/">Home</a><a href="/pkg?utm_source=footer">All packages</a><a href="/docs">Documents</a><a href="/sitemap.xml">Sitemap</a></nav>
</footer>
</body>
</html>
`))
