//go:build !linux

package collect

import "time"

func (c *TCPPorts) read(time.Duration) ([]Sample, error) {
	return nil, &SkippedError{"inet_diag is Linux's"}
}
