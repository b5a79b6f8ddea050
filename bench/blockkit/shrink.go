package main

import (
	"bytes"
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"slices"
)

const paletteSize = 64

// shrink cuts the empty foot of a picture and reduces it to its 64 most used
// colours.
func shrink(from, to string) (int64, error) {
	f, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", from, err)
	}
	r := img.Bounds()
	count := map[color.RGBA]int{}
	foot := r.Min.Y
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			c := coarse(img.At(x, y))
			if count[c]++; c != (color.RGBA{255, 255, 255, 255}) {
				foot = y
			}
		}
	}
	all := make([]color.RGBA, 0, len(count))
	for c := range count {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b color.RGBA) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B))
	})
	var palette color.Palette
	for _, c := range all[:min(len(all), paletteSize)] {
		palette = append(palette, c)
	}
	small := image.NewPaletted(image.Rect(0, 0, r.Dx(), min(foot+12, r.Max.Y)-r.Min.Y), palette)
	for y := range small.Rect.Dy() {
		for x := range small.Rect.Dx() {
			small.Set(x, y, coarse(img.At(r.Min.X+x, r.Min.Y+y)))
		}
	}
	var b bytes.Buffer
	e := png.Encoder{CompressionLevel: png.BestCompression}
	if err := e.Encode(&b, small); err != nil {
		return 0, err
	}
	return int64(b.Len()), os.WriteFile(to, b.Bytes(), 0o644)
}

// coarse drops the low bits of a colour, so that shades of a letter's edge are
// one.
func coarse(c color.Color) color.RGBA {
	r, g, b, _ := c.RGBA()
	low := func(v uint32) uint8 {
		v >>= 8
		return uint8(v&0xf0 | v>>4)
	}
	return color.RGBA{low(r), low(g), low(b), 255}
}
