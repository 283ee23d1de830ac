//! Files that do not load.
