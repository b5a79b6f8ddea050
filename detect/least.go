package detect

// leastByUnit is the amount of a series below which more or less of it hardly
// counts, however still the host is otherwise.
func leastByUnit(unit string) float64 {
	switch unit {
	case "Bytes/Second":
		return 16 << 10
	case "Bytes":
		return 1 << 20
	case "Count/Second", "Count":
		return 10
	}
	return 1 // Percent, Milliseconds, Seconds, None
}
