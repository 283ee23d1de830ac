//! Whole files through the loader: good ones, and broken ones with the very place of the fault.

use super::*;
use crate::expr::Level;
use crate::model::{EventKey, Family, Provider, Type, Value};

mod any;
mod broken;
mod good;
mod reports;
mod shipped;

const TYPES: &str = include_str!("tests/types.yaml");

fn files(texts: &[(&str, &str)]) -> Files {
    let mut files = Files::new();
    files.add("types.yaml", TYPES.to_owned());
    for (path, text) in texts {
        files.add(path, (*text).to_owned());
    }
    files
}

fn tables() -> Vec<&'static [crate::expr::Host]> {
    crate::cloud::tables().to_vec()
}

fn loaded(texts: &[(&str, &str)]) -> (Content, Vec<Fault>) {
    match load(&files(texts), &tables()) {
        Ok(loaded) => loaded,
        Err(faults) => panic!("{}", listing(&faults)),
    }
}

fn listing(faults: &[Fault]) -> String {
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
