//! `docker-compose.yml`: no container engine is asked for here, but what it sets must hold.

use std::process::Command;

use serde_json::Value;

fn compose() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docker-compose.yml");
    let text = std::fs::read_to_string(path).expect("it is there");
    serde_saphyr::from_str(&text).expect("it is YAML")
}

/// What a service waits for, and until when.
fn waits(service: &Value) -> Vec<(String, Value)> {
    let plain = service["depends_on"].as_array().into_iter().flatten();
    let plain = plain.map(|name| (name.as_str().expect("a name").to_owned(), Value::Null));
    let long = service["depends_on"].as_object().into_iter().flatten();
    plain.chain(long.map(|(name, how)| (name.clone(), how.clone()))).collect()
}

#[test]
fn what_compose_sets_is_configuration_that_holds() {
    let compose = compose();
    for service in ["topics", "driftline"] {
        let environment = compose["services"][service]["environment"].as_object().expect("some");
        let pairs = environment.iter().map(|(name, value)| (name, value.as_str().expect("text")));
        let out = Command::new(env!("CARGO_BIN_EXE_driftline"))
            .arg("check")
            .envs(pairs)
            .output()
            .expect("it runs");
        assert!(out.status.success(), "{service}: {}", String::from_utf8_lossy(&out.stderr));
    }
}

#[test]
fn what_is_mounted_is_there_and_nothing_listens_beyond_this_machine() {
    let compose = compose();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut mounts = 0;
    for (name, service) in compose["services"].as_object().expect("services") {
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let volume = volume.as_str().expect("text");
            let from = volume.split(':').next().unwrap_or_default();
            assert!(root.join(from).is_dir(), "{name}: {from}");
            assert!(volume.ends_with(":ro"), "{name}: {volume}");
            mounts += 1;
        }
        for port in service["ports"].as_array().into_iter().flatten() {
            assert!(port.as_str().is_some_and(|port| port.starts_with("127.0.0.1:")), "{name}");
        }
    }
    assert_eq!(mounts, 5);
    // What they are told to read is in what is mounted.
    for path in ["alertmanager/alertmanager.yml", "prometheus/prometheus.yml", "sample/trail.jsonl"]
    {
        assert!(root.join("deploy").join(path).is_file(), "{path}");
    }
}

#[test]
fn the_sample_tells_of_what_is_open_and_of_what_is_over() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/sample/trail.jsonl");
    let out = Command::new(env!("CARGO_BIN_EXE_driftline"))
        .args(["replay", "--summary", "json", sample])
        .output()
        .expect("it runs");
    let told: Value = serde_json::from_slice(&out.stderr).expect("a summary");
    assert_eq!(told["outcomes"]["dead"], 0, "{told}");
    assert_eq!(told["open_findings"], 1, "{told}");
    assert_eq!(told["alerts"]["by_step"]["resolved"], 3, "{told}");
}

#[test]
fn every_service_is_an_image_or_built_and_waits_for_services_that_are_there() {
    let compose = compose();
    let services = compose["services"].as_object().expect("services");
    for (name, service) in services {
        assert!(service["image"].is_string() || service["build"].is_string(), "{name}");
        let restarts = |service: &Value| service["restart"].is_string();
        let pinned = service["image"].as_str().is_none_or(|image| image.contains(':'));
        assert!(pinned, "{name}: which version?");
        for (needed, how) in waits(service) {
            let needed = services.get(&needed).expect("it is there");
            match how["condition"].as_str() {
                Some("service_healthy") => assert!(needed["healthcheck"].is_object(), "{name}"),
                Some("service_completed_successfully") => {
                    assert!(!restarts(needed), "{name}: it is to end");
                }
                Some("service_started") => assert!(restarts(needed), "{name}: it is to stay"),
                other => assert_eq!(other, None, "{name}"),
            }
        }
    }
    assert!(services["driftline"]["command"][0] == "run");
}
