// Package rehearse tries rules on the past before they are trusted: `firewatch
// backtest`, and the tests of rules that `firewatch check` runs.
//
//   - [FromHistory], [FromRecording] and [FromCSV] are the pasts there are, an
//     [Input] each; [Run] shows one to a set of rules and returns what they
//     would have raised.
//   - [Suggest] looks for the least change of each rule that fired which would
//     have kept it silent.
//   - [LoadTests] and [Test.Run] are rule unit tests.
//
// # Guarantees
//
// On frames as they were (a recording, the 1 s rows of a history) the alerts
// are those that the running agent raised with these rules, exactly, once a
// rule has seen as much of the past as it looks back over. On 10 s rows they
// are what can be known from means and maxima: [Result.Blind] says what cannot.
package rehearse
