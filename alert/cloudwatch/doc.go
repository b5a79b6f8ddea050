// Package cloudwatch speaks to Amazon CloudWatch in two ways: Sink keeps the
// metric firewatch_alert_state at 1 while a rule fires on a target and sets it to
// 0 when that ends, so that alarms and dashboards can follow; Publisher sends
// chosen series once a minute, each as one datum with its values and their counts, so
// that percentiles come from 1 s samples at the price of one request.
package cloudwatch
