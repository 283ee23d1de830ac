//! The command line: every command and option, and nothing of what they do.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::LogFormat;
use crate::model::{Format, Severity};
use crate::worker::Role;

/// Streaming, event-driven configuration drift detection for cloud tenants.
///
/// Results go to stdout, everything else to stderr. Exit codes: 0; 1 failed while running;
/// 2 wrong usage; 3 findings at or above --fail-on, or failed tests; 78 invalid configuration
/// or content; 130 and 143 by signal.
#[derive(Debug, Parser)]
#[command(name = "driftline", version, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    /// The configuration file; every key of it can be overridden as `DRIFTLINE__SECTION__KEY`.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How logs are written to stderr [default: text].
    #[arg(long, global = true, value_name = "FORMAT", value_parser = parse_log_format)]
    pub log_format: Option<LogFormat>,
    /// Says more: -v what is decided, -vv everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// When to colour; `NO_COLOR` is heeded.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The whole product on the embedded log, with a bundled story.
    Demo(Demo),
    /// The service: takes in records, keeps state, tells alerts.
    Run(Run),
    /// One marked test message to a destination of the configuration, and what it answers.
    SendTest(SendTest),
    /// The service's topics: what is missing is made, what is unsafe refused.
    Topics(Topics),
    /// The pipeline over files, no broker needed.
    Replay(Box<Replay>),
    /// Content and configuration: every error at once.
    Check(Check),
    /// The configuration that is in force.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// The tests inside detectors and mappings.
    Test(Test),
    /// Which detector is live on which cloud, by which path.
    Coverage(Coverage),
    /// A detector's page, or one record's whole way.
    Explain(Explain),
    /// JSON Schemas of what you write, for editors, and of alerts.
    Schema(Schema),
}

/// `demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Paces the story by the events' own time, so many times faster; as fast as it goes
    /// without it.
    #[arg(long, value_name = "X", value_parser = parse_speed)]
    pub speed: Option<f64>,
    /// Keeps running afterwards, with metrics at `web.listen`.
    #[arg(long)]
    pub serve: bool,
}

/// `run`.
#[derive(Debug, Args)]
pub struct Run {
    /// What this process does: `ingest`, `detect`, `notify`, `web`, between commas. Nothing
    /// notifies where no destination is configured.
    #[arg(long, value_name = "ROLES", value_delimiter = ',', value_parser = parse_role, default_value = "ingest,detect,notify,web")]
    pub roles: Vec<Role>,
}

/// `send-test`.
#[derive(Debug, Args)]
pub struct SendTest {
    /// The destination's name under `notify.destinations`.
    #[arg(value_name = "DESTINATION")]
    pub destination: String,
}

/// `topics`.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Topics {
    /// Makes what is missing.
    #[arg(long)]
    pub create: bool,
    /// Changes nothing; exits with 78 where something is wrong.
    #[arg(long)]
    pub check: bool,
}

/// `replay`.
#[derive(Debug, Args)]
pub struct Replay {
    /// Files, folders (recursively, in name order), or `-`: JSON Lines, one JSON document, or an
    /// array; gzip and zstd are unwrapped.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// A wire format's name, or `auto` to recognise each record.
    #[arg(long, default_value = "auto", value_name = "NAME", value_parser = parse_format)]
    pub format: FormatChoice,
    /// Everything belongs to this tenant.
    #[arg(long, value_name = "ID", conflicts_with = "tenants")]
    pub tenant: Option<String>,
    /// The registry of accounts; each account is its own tenant without it.
    #[arg(long, value_name = "FILE")]
    pub tenants: Option<PathBuf>,
    /// A further pack of content beside the shipped one; repeatable.
    #[arg(long, value_name = "DIR")]
    pub content: Vec<PathBuf>,
    /// Where the alerts go, one per line; `-` is stdout.
    #[arg(long, default_value = "-", value_name = "FILE")]
    pub alerts: PathBuf,
    /// How alerts are written; `proto` is length-delimited.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub alert_format: AlertFormat,
    /// Where the outcome of each event goes, one JSON line each.
    #[arg(long, value_name = "FILE")]
    pub outcomes: Option<PathBuf>,
    /// Where each resource's last known configuration goes, at the end, one JSON line each.
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// How the summary is written to stderr.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub summary: SummaryFormat,
    /// Exits with 3 when a finding of this severity or worse was opened.
    #[arg(long, value_name = "SEVERITY", value_parser = parse_severity)]
    pub fail_on: Option<Severity>,
    /// How many threads share the accounts. Every thread decodes every record, so this helps
    /// where judging costs more than reading.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub threads: u32,
}

/// A wire format to insist on, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormatChoice {
    /// Each record is recognised.
    Auto,
    /// This one.
    Only(Format),
}

/// How alerts are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum AlertFormat {
    /// OCSF 1.8 Detection Finding, one JSON line each.
    #[default]
    Ocsf,
    /// A block of lines for people.
    Text,
    /// `driftline.v1.Alert`, each behind its length.
    Proto,
}

/// How a summary is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SummaryFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object.
    Json,
}

/// `config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// The whole configuration as it is in force, as YAML; secrets are not shown.
    Show {
        /// Says of each value where it comes from: file and line, variable, option, or default.
        #[arg(long)]
        origin: bool,
    },
}

/// `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Content folders or files beside the shipped pack; with any, warnings about the shipped
    /// pack itself are left out.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// How faults are written.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: FaultFormat,
}

/// How `check` writes what it found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FaultFormat {
    /// For people: the line, a caret, what to write instead.
    #[default]
    Text,
    /// One JSON object.
    Json,
    /// SARIF 2.1.0, as code review tools read it.
    Sarif,
}

/// `test`.
#[derive(Debug, Args)]
pub struct Test {
    /// Content folders or files beside the shipped pack.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Only tests of detectors and mapping files whose id contains this.
    #[arg(long, value_name = "ID")]
    pub filter: Option<String>,
    /// Writes a `JUnit` report.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Writes what came into the `expect:` of failed detector tests, in the files below PATH and of
    /// the configuration; the rest of each file stays as it is. Look at the difference before you
    /// keep it.
    #[arg(long)]
    pub update: bool,
}

/// `coverage`.
#[derive(Debug, Args)]
pub struct Coverage {
    /// How the table is written.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: TableFormat,
    /// A further pack of content beside the shipped one; repeatable.
    #[arg(long, value_name = "DIR")]
    pub content: Vec<PathBuf>,
}

/// How a table is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
    /// For pages.
    Markdown,
}

/// `schema`.
#[derive(Debug, Args)]
pub struct Schema {
    /// Of what; lists them without.
    #[arg(value_enum, value_name = "OF")]
    pub of: Option<SchemaOf>,
    /// A further pack of content beside the shipped one: editors then offer its names too;
    /// repeatable.
    #[arg(long, value_name = "DIR")]
    pub content: Vec<PathBuf>,
}

/// What there is a schema of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// The configuration file.
    Config,
    /// Content files that declare kinds, types and acts.
    Kind,
    /// Content files that map a service's events.
    Mapping,
    /// Content files that hold a detector.
    Detector,
    /// Policies; not in this version.
    Policy,
    /// Alerts.
    Alert,
}

/// The JSON of `explain --record`.
const EXPLAIN_JSON: &str = "\
JSON (--format json), one document an event:
  record, event    numbers, from 0
  format, outcome, reason, detail, service, name, event_id, time, tenant, account, resources
                   as in `replay --outcomes`
  ended            where the way ended before any detector, else null:
                   {at, why, next}, `next` being what would have made it go on
  verdicts         [{detector, verdict: insecure|unknown|secure, on: \"KIND ID\", severity}]
  unreached        with --detector, where it had no word: {detector, why}; else null
  steps            the way, each {step, ...}; step is one of envelope, key, tenant, passed,
                   entry, unmet, missing, blind, mapped, unplaced, resource, not_asked, judged,
                   deed, heard, cut
  findings         what was told: {step, uid, alert, resource, severity, reasons, facts}
A `tree` in a step is what an expression came to: {sort: expression|element|reading, text,
is: known|partial|unknown|unsaid|none|failed|skipped, value, read: \"KIND ID .FACET\", note,
parts: [...], more}; from value on, what there is nothing to say of is left out.";

/// `explain`.
#[derive(Debug, Args)]
#[command(after_long_help = EXPLAIN_JSON)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(false).args(["id", "record", "functions"]))]
pub struct Explain {
    /// A detector's id.
    #[arg(value_name = "DETECTOR")]
    pub id: Option<String>,
    /// A file with one record or several; each is told, and an earlier one sets the state for a
    /// later one.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// What expressions may call: every function, one of that name, or those whose names begin so
    /// (`net.`).
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    pub functions: Option<String>,
    /// With --functions or --record: how they are written; a record's way is text or json.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", conflicts_with = "id")]
    pub format: TableFormat,
    /// With --record: of the detectors only this one's verdicts; where it was not reached, why.
    #[arg(long, value_name = "ID", requires = "record")]
    pub detector: Option<String>,
    /// With --record: the registry of accounts; each account is its own tenant without it.
    #[arg(long, value_name = "FILE", requires = "record")]
    pub tenants: Option<PathBuf>,
    /// A further pack of content beside the shipped one; repeatable.
    #[arg(long, value_name = "DIR")]
    pub content: Vec<PathBuf>,
}

fn parse_format(text: &str) -> Result<FormatChoice, String> {
    if text == "auto" {
        return Ok(FormatChoice::Auto);
    }
    Format::from_name(text).map(FormatChoice::Only).ok_or_else(|| {
        let known: Vec<&str> = Format::ALL.iter().map(|format| format.as_str()).collect();
        format!("known are auto, {}", known.join(", "))
    })
}

fn parse_severity(text: &str) -> Result<Severity, String> {
    Severity::from_name(&text.to_ascii_lowercase()).ok_or_else(|| {
        let known: Vec<&str> = Severity::ALL.iter().map(|severity| severity.as_str()).collect();
        format!("known are {}", known.join(", "))
    })
}

fn parse_log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("known are text, json".to_owned()),
    }
}

/// A role by its name.
fn parse_role(text: &str) -> Result<Role, String> {
    match Role::from_name(text) {
        Some(role) => Ok(role),
        None => Err("not a role; write `ingest`, `detect`, `notify` or `web`".to_owned()),
    }
}

fn parse_speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text.parse().map_err(|_| "a number is wanted".to_owned())?;
    if speed.is_finite() && speed > 0.0 { Ok(speed) } else { Err("must be above 0".to_owned()) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn replay_takes_every_promised_option() {
        let line = "driftline replay a b - --format aws-cloudtrail --tenants t.yaml --content c \
                    --content d --alerts x --alert-format proto --outcomes o --state s --summary \
                    json --fail-on HIGH --threads 4 --config f -v --log-format json";
        let cli = Cli::try_parse_from(line.split_whitespace()).expect("it parses");
        let Command::Replay(replay) = cli.command else { panic!("another command") };
        assert_eq!(replay.paths.len(), 3);
        assert_eq!(replay.format, FormatChoice::Only(Format::AwsCloudtrail));
        assert_eq!(replay.fail_on, Some(Severity::High));
        assert_eq!((replay.threads, replay.content.len(), cli.verbose), (4, 2, 1));
    }

    #[test]
    fn wrong_usage_is_refused() {
        for line in [
            "driftline replay",
            "driftline replay a --format nonsense",
            "driftline replay a --tenant x --tenants y",
            "driftline replay a --threads 0",
            "driftline replay a --fail-on dire",
            "driftline explain",
            "driftline explain FW-001 --record x",
            "driftline explain FW-001 --functions net.",
            "driftline explain FW-001 --format json",
            "driftline demo --speed 0",
            "driftline send-test",
            "driftline run --roles nothing",
            "driftline topics",
            "driftline topics --create --check",
        ] {
            let error = Cli::try_parse_from(line.split_whitespace()).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }
}
