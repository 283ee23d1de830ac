//! The `driftline` command: arguments in, an exit code out.

use std::process::ExitCode;

use clap::Parser as _;

/// Rows and findings come and go in all sizes, for weeks: the C library's allocator scatters them
/// and slows down (measured in `BENCHMARKS.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    driftline::app::run(driftline::cli::Cli::parse())
}
