// Command blockkit draws the golden messages of alert/slack as pictures: Block
// Kit as HTML in about Slack's looks, a screenshot of it by chromium, and 64
// colours so that twelve of them stay small.
//
//	go run ./bench/blockkit [-in alert/slack/testdata] [-out docs/img] [-chromium chromium]
//
// It is a renderer of our own, for the blocks that firewatch sends: what Slack
// itself shows is laid out by Slack.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	in := flag.String("in", "alert/slack/testdata", "`folder` of golden messages")
	out := flag.String("out", "docs/img", "`folder` for the pictures")
	browser := flag.String("chromium", "chromium", "the browser")
	flag.Parse()
	if err := run(*in, *out, *browser); err != nil {
		fmt.Fprintln(os.Stderr, "blockkit:", err)
		os.Exit(1)
	}
}

// message is a golden file.
type message struct {
	Situation string  `json:"situation"`
	Method    string  `json:"method"`
	Notifies  bool    `json:"notifies"`
	Text      string  `json:"text"`
	Blocks    []block `json:"blocks"`
}

func run(in, out, browser string) error {
	files, err := filepath.Glob(filepath.Join(in, "*.json"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no golden messages in %s: %w", in, err)
	}
	work, err := os.MkdirTemp("", "blockkit-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	total := int64(0)
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		var m message
		if err := json.Unmarshal(b, &m); err != nil {
			return fmt.Errorf("read %s: %w", f, err)
		}
		name := "slack-" + strings.TrimSuffix(filepath.Base(f), ".json")
		file := filepath.Join(work, name+".html")
		if err := os.WriteFile(file, []byte(page(m)), 0o600); err != nil {
			return err
		}
		shot := filepath.Join(work, name+".png")
		if err := screenshot(browser, work, file, shot); err != nil {
			return err
		}
		n, err := shrink(shot, filepath.Join(out, name+".png"))
		if err != nil {
			return err
		}
		total += n
		fmt.Printf("%-24s %6d bytes\n", name, n)
	}
	fmt.Printf("%-24s %6d bytes\n", "total", total)
	return nil
}

func screenshot(browser, work, page, shot string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=1",
		"--user-data-dir="+filepath.Join(work, "profile"), "--window-size=680,1200", "--screenshot="+shot, "file://"+page)
	if b, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("chromium: %w\n%s", err, b)
	}
	return nil
}
