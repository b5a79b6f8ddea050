package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// ntpEpoch is 1900-01-01 in Unix time (RFC 5905, section 6).
const ntpEpoch = 2_208_988_800

// ntpAttempt asks an NTP server once, as an SNTP client does (RFC 5905,
// section 14), and measures how far this host's clock is off. It fails where the
// server itself is not synchronised.
func ntpAttempt(ctx context.Context, c Config) (out outcome, err error) {
	conn, err := dialPacket(ctx, c.Target)
	if err != nil {
		return out, err
	}
	defer func() { _ = conn.Close() }() // nothing can be lost
	packet := make([]byte, 48)
	packet[0] = 4<<3 | 3 // version 4, client
	sent := time.Now()
	stamp := ntpTime(sent)
	binary.BigEndian.PutUint64(packet[40:], stamp)
	if _, err := conn.Write(packet); err != nil {
		return out, fmt.Errorf("ask: %w", err)
	}
	buf := make([]byte, 512)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return out, fmt.Errorf("read answer: %w", err)
		}
		received, left, ours, err := parseNTP(buf[:n], stamp)
		if !ours {
			continue
		}
		if err != nil {
			return out, &failure{other, err}
		}
		// Both ways are taken for equally long (RFC 5905, section 8).
		now := time.Now()
		out.add("probe_clock_offset", float64(received.Sub(sent)+left.Sub(now))/2/float64(time.Millisecond))
		return out, nil
	}
}

func ntpTime(t time.Time) uint64 {
	return uint64(t.Unix()+ntpEpoch)<<32 | uint64(t.Nanosecond())<<32/1_000_000_000
}

// parseNTP reads when the server got the question and when it answered; ours is
// false for what does not answer the question of that stamp.
func parseNTP(b []byte, stamp uint64) (received, left time.Time, ours bool, err error) {
	if len(b) < 48 || b[0]&7 != 4 || binary.BigEndian.Uint64(b[24:]) != stamp {
		return received, left, false, nil
	}
	if stratum := b[1]; b[0]>>6 == 3 || stratum == 0 || stratum > 15 {
		return received, left, true, errors.New("the server's own clock is not synchronised")
	}
	at := func(b []byte) time.Time {
		v := binary.BigEndian.Uint64(b)
		seconds := int64(v >> 32)
		if seconds < ntpEpoch { // the era that begins in 2036
			seconds += math.MaxUint32 + 1
		}
		return time.Unix(seconds-ntpEpoch, int64(v&math.MaxUint32)*1_000_000_000>>32)
	}
	return at(b[32:]), at(b[40:]), true, nil
}
