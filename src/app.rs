//! What each command does. What enters is the parsed command line; what leaves is an exit code.
//!
//! This is the one room that reads a clock and writes to the terminal.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use crate::cli::{Cli, Command, ConfigCommand};
use crate::config::show::Style;
use crate::config::{self, Config, ConfigError};
use crate::telemetry;

mod check;
mod clock;
mod coverage;
mod demo;
mod explain;
mod functions;
pub mod input;
mod notify;
mod intake;
pub mod output;
mod pack;
mod reload;
mod replay;
mod run;
mod schema;
mod service;
mod signals;
pub mod split;
mod standing;
pub mod tally;
mod teller;
mod test;
mod topics;

use output::Output;

/// Failed while running.
const FAILED: u8 = 1;
/// Findings at or above `--fail-on`, or failed tests.
const FOUND: u8 = 3;
/// Ended by Ctrl-C (128 and the signal's number).
const INTERRUPTED: u8 = 130;
/// As a shell tells of SIGTERM.
const TERMINATED: u8 = 143;
/// Invalid configuration or content (sysexits `EX_CONFIG`).
const INVALID: u8 = 78;

/// How a command ended, when it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// As it should.
    Well,
    /// It found what it was to look for.
    Found,
    /// Someone ended it.
    Interrupted,
    /// By SIGTERM.
    Terminated,
    /// It ran on, and something failed on the way, which was told.
    Failed,
}

/// Configuration or content that was refused.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refused(String);

/// Runs a command.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    let output = Output::new(cli.color);
    let ended = config::load(cli.config.as_deref())
        .map_err(anyhow::Error::from)
        .and_then(|config| dispatch(cli, &config, output));
    match ended {
        Ok(Ended::Well) => ExitCode::SUCCESS,
        Ok(Ended::Found) => ExitCode::from(FOUND),
        Ok(Ended::Interrupted) => ExitCode::from(INTERRUPTED),
        Ok(Ended::Terminated) => ExitCode::from(TERMINATED),
        Ok(Ended::Failed) => ExitCode::from(FAILED),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output.error(&format!("{error:#}"));
            ExitCode::from(exit_code(&error))
        }
    }
}

fn dispatch(cli: Cli, config: &Config, output: Output) -> anyhow::Result<Ended> {
    let log_format = cli.log_format.unwrap_or(config.log_format);
    telemetry::start_logs(log_format, cli.verbose, output.colours_errors());
    match cli.command {
        Command::Run(options) => run::run(&options, config, output),
        Command::SendTest(options) => notify::send_test(&options, config),
        Command::Topics(options) => topics::run(&options, config),
        Command::Replay(options) => replay::run(&options, config, output),
        Command::Config(ConfigCommand::Show { origin }) => {
            let style = Style { origin, log_format: cli.log_format };
            show(cli.config.as_deref(), style)
        }
        Command::Check(options) => check::run(&options, config),
        Command::Test(options) => test::run(&options, config, output),
        Command::Coverage(options) => coverage::run(&options, config, output),
        Command::Schema(options) => schema::run(&options, config, output),
        Command::Explain(options) => explain::run(&options, config, output),
        Command::Demo(options) => demo::run(&options, config, output),
    }
}

/// `config show`.
fn show(file: Option<&Path>, style: Style) -> anyhow::Result<Ended> {
    let mut out = output::results(Path::new("-"))?;
    out.write_all(config::show::show(file, style)?.as_bytes())?;
    out.flush()?;
    Ok(Ended::Well)
}

/// A file that is not there is a failure while running; what stands in one is configuration.
fn exit_code(error: &anyhow::Error) -> u8 {
    let invalid = |error: &ConfigError| matches!(error, ConfigError::Invalid { .. });
    let refused = error.downcast_ref::<Refused>().is_some()
        || error.downcast_ref::<ConfigError>().is_some_and(invalid);
    if refused { INVALID } else { FAILED }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let broken = |cause: &(dyn std::error::Error + 'static)| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    };
    error.chain().any(broken)
}
