//! `docker-compose.yml`: no container engine is asked for here, but what it sets must hold.

use std::process::Command;

use serde_json::Value;

fn compose() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docker-compose.yml");
    let text = std::fs::read_to_string(path).expect("it is there");
    serde_saphyr::from_str(&text).expect("it is YAML")
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
fn every_service_is_an_image_or_built_and_waits_for_services_that_are_there() {
    let compose = compose();
    let services = compose["services"].as_object().expect("services");
    for (name, service) in services {
        assert!(service["image"].is_string() || service["build"].is_string(), "{name}");
        for (needed, how) in service["depends_on"].as_object().into_iter().flatten() {
            let needed = services.get(needed).expect("it is there");
            match how["condition"].as_str() {
                Some("service_healthy") => assert!(needed["healthcheck"].is_object(), "{name}"),
                Some("service_completed_successfully") => {
                    assert!(needed["restart"].is_null(), "{name}: it is to end");
                }
                other => assert_eq!(other, None, "{name}"),
            }
        }
    }
    assert!(services["driftline"]["command"][0] == "run");
}
