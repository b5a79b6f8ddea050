// Package conf holds the small types that several packages use in their Config
// structs: Duration, Secret, and Fault, the form in which a Validate method
// reports what is wrong.
package conf
