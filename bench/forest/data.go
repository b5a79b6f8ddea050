package main

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// set is a data set; labels is nil for a made one.
type set struct {
	name   string
	rows   [][]float64
	labels []bool
}

// loadSets reads every NAME.csv.gz of a folder: a header, numbers, and the
// label, 1 for an anomaly, in the last column.
func loadSets(dir string) ([]set, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.csv.gz"))
	if err != nil {
		return nil, fmt.Errorf("find data sets in %s: %w", dir, err)
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("find data sets in %s: none", dir)
	}
	var sets []set
	for _, p := range paths {
		s, err := loadSet(p)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", p, err)
		}
		sets = append(sets, s)
	}
	return sets, nil
}

func loadSet(path string) (set, error) {
	s := set{name: strings.TrimSuffix(filepath.Base(path), ".csv.gz")}
	f, err := os.Open(path)
	if err != nil {
		return s, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return s, err
	}
	r := csv.NewReader(bufio.NewReader(z))
	if _, err := r.Read(); err != nil {
		return s, err
	}
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return s, nil
		}
		if err != nil {
			return s, err
		}
		row := make([]float64, len(fields)-1)
		for i := range row {
			if row[i], err = strconv.ParseFloat(fields[i], 64); err != nil {
				return s, err
			}
		}
		s.rows = append(s.rows, row)
		s.labels = append(s.labels, fields[len(fields)-1] == "1")
	}
}

// made is n rows of d features: three clusters, every hundredth row far out.
func made(n, d int) set {
	r := rand.New(rand.NewPCG(uint64(n), uint64(d)))
	s := set{name: fmt.Sprintf("made %d×%d", n, d)}
	for range n {
		centre, spread := float64(r.IntN(3)), 1.0
		if r.IntN(100) == 0 {
			spread = 6
		}
		row := make([]float64, d)
		for j := range row {
			row[j] = centre*float64(j%4) + spread*r.NormFloat64()
		}
		s.rows = append(s.rows, row)
	}
	return s
}

// save writes a set for the peers: rows and columns as uint64, then the values,
// little-endian.
func (s set) save(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	var b []byte
	b = binary.LittleEndian.AppendUint64(b, uint64(len(s.rows)))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(s.rows[0])))
	for _, row := range s.rows {
		for _, v := range row {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		b = b[:0]
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}
