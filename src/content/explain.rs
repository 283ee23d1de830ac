//! Pages for people: a detector enters, text leaves.

use std::fmt::Write as _;

use super::cases::{Expect, ExpectStep, Subject};
use super::compiled::{Content, Detector, Form, Maturity, WindowShape};
use super::coverage::{Coverage, PATHS};
use super::derive::name;
use super::literal::name_of;
use super::window::heard;

/// The page of one detector; `None` where no detector has that id (letters of any case).
#[must_use]
pub fn detector(content: &Content, coverage: &Coverage, id: &str) -> Option<String> {
    let detector =
        content.detectors.iter().find(|detector| detector.id.eq_ignore_ascii_case(id))?;
    let mut page = String::new();
    let _ = writeln!(page, "{}  {}", detector.id, detector.title);
    if let Some(zh) = &detector.title_zh {
        let _ = writeln!(page, "{}  {zh}", " ".repeat(detector.id.len()));
    }
    let _ = writeln!(page);
    let _ = writeln!(page, "severity   {}", severity(detector));
    let maturity = match detector.maturity {
        Maturity::Stable => "stable",
        Maturity::Experimental => "experimental (never pages)",
    };
    let _ = writeln!(page, "maturity   {maturity}");
    let _ = writeln!(page, "area       {}", detector.area.as_str());
    let _ = writeln!(page, "file       {}:{}", detector.source.file, detector.source.line);
    section(&mut page, "Why", &[detector.why.to_string()]);
    section(&mut page, "Judges", &judges(content, detector));
    section(&mut page, "Reads", &reads(content, detector));
    let params: Vec<String> = detector
        .params
        .iter()
        .map(|(name, ty, value)| {
            let ty = name_of(ty, &content.schema);
            format!("{name}: {ty}, by default {}", value.to_json(&content.schema))
        })
        .collect();
    section(&mut page, "Parameters", &params);
    let fixes: Vec<String> =
        detector.fix.iter().map(|(provider, fix)| format!("{provider}: {fix}")).collect();
    section(&mut page, "How to repair it", &fixes);
    section(&mut page, "Benchmarks", &benchmarks(detector));
    section(&mut page, "Coverage", &covered(coverage, detector));
    section(&mut page, "Tests", &tests(content, detector));
    Some(page)
}

fn section(page: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(page, "\n{title}");
    for line in lines.iter().flat_map(|line| line.lines()) {
        let _ = writeln!(page, "  {line}");
    }
}

fn severity(detector: &Detector) -> String {
    let words: Vec<String> = detector
        .severity
        .iter()
        .map(|scale| match scale.when.as_ref().and_then(|when| when.first()) {
            Some(when) => format!("{} where {}", scale.is.as_str(), when.source().trim()),
            None if detector.severity.len() > 1 => format!("else {}", scale.is.as_str()),
            None => scale.is.as_str().to_owned(),
        })
        .collect();
    words.join(", ")
}

fn judges(content: &Content, detector: &Detector) -> Vec<String> {
    match &detector.form {
        Form::Posture(form) => {
            let kinds: Vec<&str> =
                form.on.iter().map(|on| &*content.schema.kind(on.kind).name).collect();
            let mut lines = vec![format!("posture of {}", kinds.join(", "))];
            let Some(on) = form.on.first() else { return lines };
            if let Some(each) = on.each {
                let facet = content.schema.facet(on.kind, each);
                lines.push(format!("each element of {}", facet.name));
            }
            lines.push(format!("insecure where {}", on.insecure.source().trim()));
            if let Some(measure) = &on.measure {
                lines.push(format!("worse as {} grows", measure.source().trim()));
            }
            lines.extend(form.assume.iter().map(|(_, _, value, path)| {
                format!("assumes {path} = {} where unknown", value.to_json(&content.schema))
            }));
            lines
        }
        Form::Act(form) => {
            let name =
                |act: u16| content.schema.acts.get(usize::from(act)).map_or("", |act| &*act.name);
            let mut lines = vec![format!("the act {}", name(form.act))];
            if let Some(when) = &form.when {
                lines.push(format!("where {}", when.source().trim()));
            }
            if let Some((act, _)) = &form.until {
                lines.push(format!("until {}", name(*act)));
            }
            lines
        }
        Form::Window(form) => {
            let shape = match &form.shape {
                WindowShape::OpenLonger { .. } => "open longer than its span",
                WindowShape::Count { .. } => "enough of them within a span",
                WindowShape::Sequence { .. } => "one after the other within a span",
                WindowShape::Gap { .. } => "a gap from the first to its end",
                WindowShape::Absence { .. } => "nothing of them for a span",
            };
            let heard: Vec<&str> =
                heard(&detector.form).into_iter().map(|signal| &*signal.of).collect();
            vec![format!("{shape}: {}", heard.join(", "))]
        }
    }
}

fn reads(content: &Content, detector: &Detector) -> Vec<String> {
    let Form::Posture(form) = &detector.form else { return Vec::new() };
    let mut lines: Vec<String> = form
        .on
        .iter()
        .flat_map(|on| on.insecure.reads())
        .filter_map(|read| read.path.last())
        .map(|place| name(&content.schema, *place))
        .collect();
    lines.sort_unstable();
    lines.dedup();
    lines
}

fn benchmarks(detector: &Detector) -> Vec<String> {
    let mut lines: Vec<String> = detector
        .maps_to
        .iter()
        .map(|(benchmark, ids)| format!("{benchmark}: {}", ids.join(", ")))
        .collect();
    if !detector.attack.is_empty() {
        lines.push(format!("MITRE ATT&CK: {}", detector.attack.join(", ")));
    }
    lines
}

fn covered(coverage: &Coverage, detector: &Detector) -> Vec<String> {
    coverage
        .of(&detector.id)
        .map(|line| {
            let path = PATHS.iter().find(|(family, _)| *family == line.family);
            let path = path.map_or("", |(_, path)| path);
            let mut text = format!("{} {path}: {}", line.provider, line.status.as_str());
            if !line.missing.is_empty() {
                let _ = write!(text, " (missing {})", line.missing.join(", "));
            }
            text
        })
        .collect()
}

fn tests(content: &Content, detector: &Detector) -> Vec<String> {
    let subject = Subject::Detector(detector.id.clone());
    content
        .suites
        .iter()
        .filter(|suite| suite.subject == subject)
        .flat_map(|suite| &suite.cases)
        .map(|case| match &case.expect {
            Expect::Steps(steps) if steps.is_empty() => format!("{}: silent", case.name),
            Expect::Steps(steps) => {
                let steps: Vec<String> = steps.iter().copied().map(step).collect();
                format!("{}: {}", case.name, steps.join(", "))
            }
            Expect::Said(_) => case.name.to_string(),
        })
        .collect()
}

fn step(step: ExpectStep) -> String {
    match step.severity {
        Some(severity) => format!("{} {}", step.step.as_str(), severity.as_str()),
        None => step.step.as_str().to_owned(),
    }
}
