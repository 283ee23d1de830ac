//! The `driftline` command: arguments in, an exit code out.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    driftline::app::run(driftline::cli::Cli::parse())
}
