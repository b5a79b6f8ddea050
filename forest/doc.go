// Package forest finds rows that are easily told apart from the others:
// isolation forests (Liu, Ting and Zhou 2008, doi:10.1109/ICDM.2008.17), for
// data at rest and for streams, in pure Go with nothing but the standard
// library.
package forest
