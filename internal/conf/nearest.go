package conf

// Nearest returns the candidate that a mistyped name most likely meant, or ""
// where none is close: at most a third of its letters differ (Levenshtein
// distance, with a swap of two neighbours counted once).
func Nearest(name string, candidates []string) string {
	best, bestDist := "", len(name)/3+1
	if len(name) > 100 {
		return ""
	}
	for _, c := range candidates {
		if len(c) > 100 {
			continue
		}
		if d := editDistance(name, c); d <= len(name)/3 && d < bestDist {
			best, bestDist = c, d
		}
	}
	return best
}

// editDistance is the optimal string alignment distance of a and b.
func editDistance(a, b string) int {
	before, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		before, prev, cur = prev, cur, before
	}
	return prev[len(b)]
}
