//! Raw configuration into checked configuration, with every fault at once.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::Limits;
use crate::worker::Told;

use super::raw::{Raw, RawLimits};
use super::{Config, ConfigError, notify, service, tenants};

/// Where metrics are served where nothing else is said: this machine alone.
pub(super) const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9464);

pub(super) fn check(raw: &Raw, file: Option<&Path>) -> Result<Config, ConfigError> {
    let mut faults = Vec::new();
    let beside = |name: &str| beside(file, name);
    not_yet(raw, &mut faults);
    let listen = listen(raw, &mut faults);
    let limits = limits(&raw.limits, &mut faults);
    let registry = raw.tenants.file.as_deref().map(|name| tenants::read_registry(&beside(name)));
    let tenants = match registry.transpose() {
        Ok(registry) => registry.map(Arc::new),
        Err(error) => {
            faults.push(format!("tenants.file: {}", error.whole()));
            None
        }
    };
    let service = service::check(raw, &beside, &mut faults);
    let notify = notify::check(&raw.notify, &beside, &mut faults);
    if service.alerts != Told::Ocsf && !notify.destinations.is_empty() {
        let told =
            "`notify.destinations` are told of alerts as `ocsf`: write that, or no destination";
        faults.push(format!("alerts.format: {told}"));
    }
    if !faults.is_empty() {
        let name = file.map_or_else(String::new, |path| format!("{}: ", path.display()));
        let faults = faults.into_iter().map(|fault| format!("{name}{fault}")).collect();
        return Err(ConfigError::Invalid { faults });
    }
    let content = raw.content.iter().map(|name| beside(name)).collect();
    let log_format = raw.telemetry.log_format;
    Ok(Config { content, tenants, listen, limits, log_format, service, notify })
}

/// A path in the file is relative to where the file stands.
fn beside(file: Option<&Path>, name: &str) -> PathBuf {
    file.and_then(Path::parent).map_or_else(|| PathBuf::from(name), |folder| folder.join(name))
}

/// What a later version will heed must not be written in vain.
fn not_yet(raw: &Raw, faults: &mut Vec<String>) {
    if !raw.policies.is_empty() {
        faults.push("policies: policies are not in this version".to_owned());
    }
}

fn listen(raw: &Raw, faults: &mut Vec<String>) -> SocketAddr {
    let Some(text) = raw.web.listen.as_deref() else {
        return LISTEN;
    };
    text.parse().unwrap_or_else(|_| {
        faults.push(format!("web.listen: `{text}` is not an address such as `{LISTEN}`"));
        LISTEN
    })
}

fn limits(raw: &RawLimits, faults: &mut Vec<String>) -> Limits {
    let base = Limits::default();
    let mut size = |name: &str, value: Option<usize>, default: usize| {
        if value == Some(0) {
            faults.push(format!("limits.{name}: must be at least 1"));
        }
        value.unwrap_or(default)
    };
    let fuel = size("fuel", raw.fuel, base.fuel as usize);
    let mut limits = Limits {
        record_bytes: size("record_bytes", raw.record_bytes, base.record_bytes),
        decompressed_bytes: size(
            "decompressed_bytes",
            raw.decompressed_bytes,
            base.decompressed_bytes,
        ),
        depth: size("depth", raw.depth, base.depth),
        nodes: size("nodes", raw.nodes, base.nodes),
        unwrap_levels: size("unwrap_levels", raw.unwrap_levels, base.unwrap_levels),
        events_per_record: size("events_per_record", raw.events_per_record, base.events_per_record),
        text_bytes: size("text_bytes", raw.text_bytes, base.text_bytes),
        facet_bytes: size("facet_bytes", raw.facet_bytes, base.facet_bytes),
        elements: size("elements", raw.elements, base.elements),
        resources_per_cell: size(
            "resources_per_cell",
            raw.resources_per_cell,
            base.resources_per_cell,
        ),
        recent_events: size("recent_events", raw.recent_events, base.recent_events),
        operations: size("operations", raw.operations, base.operations),
        orphans: size("orphans", raw.orphans, base.orphans),
        namesakes: size("namesakes", raw.namesakes, base.namesakes),
        remembered_ids: size("remembered_ids", raw.remembered_ids, base.remembered_ids),
        findings_per_cell: size("findings_per_cell", raw.findings_per_cell, base.findings_per_cell),
        window_entries: size("window_entries", raw.window_entries, base.window_entries),
        fan_out: size("fan_out", raw.fan_out, base.fan_out),
        derive_depth: size("derive_depth", raw.derive_depth, base.derive_depth),
        fuel: u32::try_from(fuel).unwrap_or(u32::MAX),
        ..base
    };
    let spans = [
        ("lateness", &raw.lateness, &mut limits.lateness),
        ("settle", &raw.settle, &mut limits.settle),
        ("pending", &raw.pending, &mut limits.pending),
    ];
    for (name, text, place) in spans {
        let Some(text) = text else { continue };
        match span(text) {
            Some(micros) => *place = micros,
            None => faults.push(format!(
                "limits.{name}: `{text}` is not a span such as `30s`, `15m`, `4h`, `7d`"
            )),
        }
    }
    limits
}

/// Microseconds of `30s`, `15m`, `4h`, `7d`.
pub(super) fn span(text: &str) -> Option<i64> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let number = &text[..text.len() - unit.len_utf8()];
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    number.parse::<i64>().ok()?.checked_mul(seconds * 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_and_a_unit() {
        for (text, micros) in [
            ("0s", Some(0)),
            ("30s", Some(30_000_000)),
            ("2h", Some(7_200_000_000)),
            ("7d", Some(604_800_000_000)),
            ("", None),
            ("s", None),
            ("-1s", None),
            ("+1s", None),
            ("5", None),
            ("5天", None),
            ("99999999999999999999d", None),
            ("9223372036854775807d", None),
        ] {
            assert_eq!(span(text), micros, "`{text}`");
        }
    }
}
