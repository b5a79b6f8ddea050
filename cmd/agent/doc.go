// Command agent is firewatch: it reads this host every second, judges it with
// threshold rules and an isolation forest, and delivers alerts. See README.md
// and `firewatch help`.
package main
