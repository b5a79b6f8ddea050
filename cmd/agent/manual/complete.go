package manual

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Shells lists the shells that Completion knows.
func Shells() []string { return []string{"bash", "zsh", "fish"} }

// Completion writes the completion of one of the [Shells].
func Completion(w io.Writer, shell string, list []Command) error {
	var b strings.Builder
	switch shell {
	case "bash":
		bash(&b, list)
	case "zsh":
		zsh(&b, list)
	case "fish":
		fish(&b, list)
	default:
		return fmt.Errorf("write completion: shell %q is not one of %s", shell, strings.Join(Shells(), ", "))
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write completion: %w", err)
	}
	return nil
}

// paths are the values of flags that name something in the file system.
var paths = []string{"file", "directory", "path"}

// verbs are the words that a command takes first, as its usage shows them:
// "list|check" or "add|list|remove ...".
func verbs(c Command) []string {
	first, _, _ := strings.Cut(c.Args, " ")
	if first == "" || !strings.Contains(first, "|") || strings.ContainsAny(first, "[-") {
		return nil
	}
	return strings.Split(first, "|")
}

func words(list []Command) string {
	var out []string
	for _, c := range list {
		out = append(out, c.Name)
	}
	return strings.Join(out, " ")
}

// options are the words that may follow a command: its verbs and flags.
func options(c Command) string {
	out := verbs(c)
	for _, f := range c.Flags {
		out = append(out, "--"+f.Name)
	}
	return strings.Join(out, " ")
}

// bash completes by name: words of the command line, then flags, then files
// after a flag that takes one.
func bash(b *strings.Builder, list []Command) {
	files := map[string]bool{}
	for _, c := range list {
		for _, f := range c.Flags {
			files["--"+f.Name] = slices.Contains(paths, f.Value)
		}
	}
	var take []string
	for name, ok := range files {
		if ok {
			take = append(take, name)
		}
	}
	slices.Sort(take)
	b.WriteString("# bash completion for firewatch; made by `firewatch completion bash`\n_firewatch() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=\n\tCOMPREPLY=()\n")
	fmt.Fprintf(b, "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n\t\twords='%s'\n\telse\n", words(list))
	if len(take) > 0 {
		fmt.Fprintf(b, "\t\tcase $prev in\n\t\t%s) mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return ;;\n\t\tesac\n", strings.Join(take, "|"))
	}
	b.WriteString("\t\tcase ${COMP_WORDS[1]} in\n")
	for _, c := range list {
		fmt.Fprintf(b, "\t\t%s) words='%s' ;;\n", c.Name, options(c))
	}
	b.WriteString("\t\tesac\n\tfi\n\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n}\ncomplete -o filenames -F _firewatch firewatch\n")
}

func zsh(b *strings.Builder, list []Command) {
	b.WriteString("#compdef firewatch\n# zsh completion for firewatch; made by `firewatch completion zsh`\n_firewatch() {\n\tif (( CURRENT == 2 )); then\n\t\tlocal -a commands=(\n")
	for _, c := range list {
		fmt.Fprintf(b, "\t\t\t%s\n", quote(c.Name+":"+strings.ReplaceAll(c.Does, ":", `\:`)))
	}
	b.WriteString("\t\t)\n\t\t_describe command commands\n\t\treturn\n\tfi\n\tcase ${words[2]} in\n")
	for _, c := range list {
		fmt.Fprintf(b, "\t%s) _arguments -s", c.Name)
		for _, f := range c.Flags {
			fmt.Fprintf(b, " %s", quote("--"+f.Name+"["+bracket.Replace(f.Help)+"]"+zshValue(f.Value)))
		}
		if v := verbs(c); v != nil {
			fmt.Fprintf(b, " %s", quote("2:what:("+strings.Join(v, " ")+")"))
		}
		b.WriteString(" ;;\n")
	}
	b.WriteString("\tesac\n}\n_firewatch \"$@\"\n")
}

// bracket escapes what ends the help of a flag in zsh.
var bracket = strings.NewReplacer("[", `\[`, "]", `\]`)

func zshValue(v string) string {
	switch {
	case v == "":
		return ""
	case slices.Contains(paths, v):
		return ":" + v + ":_files"
	}
	return ":" + v + ":"
}

func fish(b *strings.Builder, list []Command) {
	b.WriteString("# fish completion for firewatch; made by `firewatch completion fish`\ncomplete -c firewatch -f\n")
	for _, c := range list {
		fmt.Fprintf(b, "complete -c firewatch -n __fish_use_subcommand -a %s -d %s\n", c.Name, quote(c.Does))
		for _, v := range verbs(c) {
			fmt.Fprintf(b, "complete -c firewatch -n '__fish_seen_subcommand_from %s' -a %s\n", c.Name, v)
		}
		for _, f := range c.Flags {
			take := ""
			if f.Value != "" {
				take = " -x"
			}
			if slices.Contains(paths, f.Value) {
				take = " -rF"
			}
			fmt.Fprintf(b, "complete -c firewatch -n '__fish_seen_subcommand_from %s' -l %s%s -d %s\n", c.Name, f.Name, take, quote(f.Help))
		}
	}
}

// quote makes s one word of a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
