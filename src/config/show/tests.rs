use super::*;
use crate::config::load_with;

fn shown(text: &str, overrides: &[(&str, &str)], style: Style) -> String {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("driftline.yaml");
    std::fs::write(&path, text).expect("a file can be written");
    let pairs: Vec<(String, String)> =
        overrides.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    let text = show_with(Some(&path), &pairs, style).expect("it is shown");
    text.replace(&(folder.path().display().to_string() + "/"), "")
}

fn origin() -> Style {
    Style { origin: true, log_format: None }
}

#[test]
fn each_value_tells_where_it_comes_from() {
    let file = "# Ours.\nlog: kafka\nkafka:\n  brokers: a:9092\n  security: {protocol: plaintext}\n\
                sources:\n  - topic: audit\n  - {topic: more, format: auto}\nlimits: {depth: 32}\n";
    let over = [("DRIFTLINE__KAFKA__BROKERS", "b:9092"), ("DRIFTLINE__WORKERS__SESSION", "20s")];
    let style = Style { origin: true, log_format: Some(LogFormat::Json) };
    let text = shown(file, &over, style);
    for line in [
        "log: kafka  # driftline.yaml:2",
        "  brokers: b:9092  # DRIFTLINE__KAFKA__BROKERS",
        "  group_prefix: driftline.  # default",
        "    protocol: plaintext  # driftline.yaml:5",
        "sources:  # driftline.yaml:7",
        "  - {\"topic\":\"audit\"}",
        "  depth: 32  # driftline.yaml:9",
        "  nodes: 200000  # default",
        "  session: 20s  # DRIFTLINE__WORKERS__SESSION",
        "  transaction: 15s  # default",
        "content: []  # default",
        "  log_format: json  # --log-format",
        "  lateness: 24h  # default",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line}\n is not in\n{text}");
    }
}

#[test]
fn a_variable_that_sets_a_whole_section_is_the_origin_of_what_it_says() {
    let over = [("DRIFTLINE__LIMITS", "{depth: 7, nodes: 9}")];
    let text = shown("limits: {depth: 32, elements: 5}\n", &over, origin());
    assert!(text.contains("  depth: 7  # DRIFTLINE__LIMITS\n"), "{text}");
    assert!(text.contains("  elements: 2000  # default\n"), "{text}");
}

#[test]
fn what_is_shown_means_the_same() {
    let file = "log: kafka\nkafka: {brokers: 'a:1,b:2'}\nsources: [{topic: x, tenant: {fixed: 'no'}}]\n\
                alerts: {format: proto}\nworkers: {name: '007', fixed: true, session: 12s}\n\
                limits: {depth: 3}\n";
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("driftline.yaml");
    let meaning = |text: &str| {
        std::fs::write(&path, text).expect("a file can be written");
        format!("{:?}", load_with(Some(&path), &[]).expect(text))
    };
    for file in ["", file] {
        let text = shown(file, &[], Style::default());
        assert_eq!(meaning(&text), meaning(file), "{text}");
        assert_eq!(meaning(&shown(&text, &[], origin())), meaning(file));
    }
}

#[test]
fn no_secret_is_shown() {
    let file = "log: kafka\nkafka: {properties: {ssl.key.password: canary-1}}\n\
                sources: [{topic: x, kafka: {brokers: 'a:1', properties: {sasl.password: canary-2}}}]\n\
                notify:\n  destinations:\n    \
                  chat: {type: slack, url: 'https://hooks.example.com/services/canary-3'}\n    \
                  am: {type: alertmanager, urls: ['https://am.example.com/canary-4', 'https://b']}\n    \
                  hook: {type: webhook, url: 'https://example.com?token=canary-5', \
                    proxy: 'http://me:canary-6@proxy:1', secret_file: hook-secrets}\n";
    let text = shown(file, &[("DRIFTLINE__KAFKA__PROPERTIES", "{a: canary-7}")], origin());
    assert!(!text.contains("canary"), "{text}");
    for part in [
        "url: https://hooks.example.com/[redacted]",
        "- https://am.example.com/[redacted]",
        "- https://b\n",
        "proxy: http://[redacted]@proxy:1",
        "secret_file: hook-secrets",
        "\"properties\":{\"sasl.password\":\"[redacted]\"}",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}
