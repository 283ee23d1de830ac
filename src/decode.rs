//! Records into events: unwrap the envelopes, recognise the leaf, read it.
