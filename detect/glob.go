package detect

import "github.com/firewatch-agent/firewatch/internal/conf"

// glob matches a target against a rule's pattern.
func glob(pattern, s string) bool { return conf.Glob(pattern, s) }
