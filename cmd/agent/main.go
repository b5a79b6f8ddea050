package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	_ "time/tzdata" // zones of [[maintenance]] where the host has none, as in the image (0.4 MB)

	"github.com/firewatch-agent/firewatch/internal/conf"
)

// Exit codes, a contract that scripts rely on.
const (
	exitDone   = 0
	exitWrong  = 1  // it found something wrong, said on stderr
	exitUsage  = 2  // the command line is wrong
	exitLocked = 75 // another agent holds the state directory (EX_TEMPFAIL of sysexits.h)
)

// env is what a command may touch of the process: its streams.
type env struct {
	in       io.Reader
	out, err io.Writer
	made     func(*flag.FlagSet) // told of each set of flags, for the manual; nil = nobody asks
}

// command is one subcommand. run gets the words after its name.
type command struct {
	name, args, does string
	run              func(ctx context.Context, e env, args []string) int
}

// commands is the list of subcommands, in the order that help shows.
func commands() []command {
	return []command{
		{"run", "[--config F] [--state-dir D] [--http ADDR] [--record F]", "watch this host and send alerts", cmdRun},
		{"check", "[--config F] [--tests F] [--live] [--print]", "report every fault of the config, and run the tests of its rules", cmdCheck},
		{"reload", "", "have the running agent read its config again; one with faults changes nothing", cmdReload},
		{"status", "[--watch] [--json]", "show what the running agent sees", cmdStatus},
		{"explain", "[METRIC] [--json]", "what is unusual now, how unusual it must be to fire, and what is usual", cmdExplain},
		{"incidents", "[--json]", "list open incidents and their deliveries", cmdIncidents},
		{"ack", "ID", "take an incident on: it is not repeated any more", cmdAck},
		{"test-alert", "[--sink NAME]", "send a firing and a resolved alert through every sink", cmdTestAlert},
		{"drill", "cpu|memory|disk|probe|sink [--within 25s] [--json]", "make a small trouble for a moment, and see that its alert reaches every sink", cmdDrill},
		{"send", "--severity S --summary T [--key K] [--resolve]", "send a durable alert from a script or cron job", cmdSend},
		{"job", "NAME [--retries 3] [--delay 5m] [--deadline 1h] -- COMMAND", "run a scheduled command; alert when it fails or does not finish in time", cmdJob},
		{"silence", "add [--rule R] [--target T] [--for 2h]|list|remove ID", "keep alerts that match from being told for a while", cmdSilence},
		{"outbox", "list|retry [KEY]|drop [KEY]|check", "list dead letters, send them again or drop them, or verify the state directory", cmdOutbox},
		{"backtest", "[--since 7d] [--config F] [--candidate F] [--recording F | --csv F]", "which alerts these rules would have raised in the past", cmdBacktest},
		{"score", "--in F.csv --out G.csv [--train H.csv] [--channel value+shape] [--budget '1 per week']", "how unusual each row of a CSV is, by the rows before it", cmdScore},
		{"own", "--user ID DIR", "hand a state directory to a user: for the init container of a DaemonSet", cmdOwn},
		{"man", "1|5", "print a manual page: 1 the commands, 5 the config file", cmdMan},
		{"completion", "bash|zsh|fish", "print the completion of a shell", cmdCompletion},
		{"alarms", "plan|apply|destroy [--config F] [--json]", "mirror rules as CloudWatch alarms, with a dead-man alarm", cmdAlarms},
		{"version", "[--json]", "print the version", cmdVersion},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := dispatch(ctx, env{in: os.Stdin, out: os.Stdout, err: os.Stderr}, os.Args[1:])
	stop()
	os.Exit(code)
}

// dispatch runs the command that args name and returns the exit code.
func dispatch(ctx context.Context, e env, args []string) int {
	if len(args) == 0 {
		usage(e.err)
		return exitUsage
	}
	name := args[0]
	var names []string
	for _, c := range commands() {
		if c.name == name {
			return c.run(ctx, e, args[1:])
		}
		names = append(names, c.name)
	}
	switch name {
	case "help", "-h", "-help", "--help":
		usage(e.out)
		return exitDone
	case "--version", "-version":
		return cmdVersion(ctx, e, nil)
	}
	fmt.Fprintf(e.err, "firewatch: unknown command %q", name)
	if near := conf.Nearest(name, names); near != "" {
		fmt.Fprintf(e.err, "; did you mean %q?", near)
	}
	fmt.Fprintln(e.err, "\nrun 'firewatch help' for the list")
	return exitUsage
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "firewatch watches the host it runs on and tells you when it is in trouble.\n\nusage: firewatch COMMAND [flags]")
	fmt.Fprintln(w)
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-11s %s\n              %s\n", c.name, c.does, c.args)
	}
	fmt.Fprintln(w)
	fmt.Fprintln(w, "'firewatch COMMAND -h' lists a command's flags. Exit codes: 0 done, 1 something is wrong,\n2 usage, 75 another agent holds the state directory.")
}

// newFlags makes the flag set of one command, with its usage line.
func newFlags(e env, name string) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(e.err)
	if e.made != nil {
		e.made(fs)
	}
	fs.Usage = func() {
		for _, c := range commands() {
			if c.name == name {
				fmt.Fprintf(fs.Output(), "usage: firewatch %s %s\n%s\n", name, c.args, c.does)
			}
		}
		fs.VisitAll(func(f *flag.Flag) {
			kind, help := flag.UnquoteUsage(f)
			fmt.Fprintf(fs.Output(), "  --%-20s %s\n", strings.TrimSpace(f.Name+" "+kind), help)
		})
	}
	return fs
}

// parse reads the flags of a command without positional arguments. It returns
// an exit code and false where the command must stop.
func parse(e env, fs *flag.FlagSet, args []string) (int, bool) {
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitDone, false
	case err != nil:
		return exitUsage, false
	case fs.NArg() > 0:
		fmt.Fprintf(e.err, "firewatch %s: unexpected argument %q\n", fs.Name(), fs.Arg(0))
		fs.Usage()
		return exitUsage, false
	}
	return exitDone, true
}

// fail prints err with the command's name, and gives exitWrong.
func fail(e env, name string, err error) int {
	fmt.Fprintf(e.err, "firewatch %s: %v\n", name, err)
	return exitWrong
}
