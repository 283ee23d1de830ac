//! Files that load.

use super::*;

pub(super) const HUAWEI: &str = r#"
apiVersion: driftline/v1
kind: Mapping
provider: huawei
service: [VPC, ECS]
functions:
  rule(r): >
    network_rule{direction: r.direction,
      peers: outer(r)}
  outer(r): "[r.remote_ip_prefix]"
on:
  - event: [security-group-rules/createSecurity-group-rule, ecs/createSgRule]
    needs: request.security_group_rule
    resource: {kind: network.security_group, id: request.security_group_rule.security_group_id}
    put:
      rules: {for: "r in [request.security_group_rule]; s in [r]", id: s.id, whole: rule(s)}
    else: {act: blind}
  - event: security-group-rules/deleteSecurity-group-rule
    resource: {kind: network.security_group, where: {rules.id: resource_id}}
    remove: {rules: {id: resource_id}}
  - event: security-groups/updateSecurity-group
    resource: {kind: network.security_group, id: resource_id}
    unknown: [open]
  - snapshot: vpc.securityGroups
    when: detail.event_type == "DELETE"
    resource: {kind: network.security_group, id: detail.resource_id}
    delete: true
  - snapshot: vpc.securityGroups
    as_of: detail.capture_time
    resource: {kind: network.security_group, id: detail.resource_id}
    replace:
      name: resource.name
      stateless: false
      rules: {for: r in resource.rules, id: r.id, whole: rule(r), keep: [action, enabled]}
    also:
      - for: n in resource.interfaces
        resource: {kind: network.interface, id: n.id}
        put: {groups: detail.resource_id}
  - event: user/login
    failures: true
    act: {sign_in: {user: actor.name, success: "event.error == ''"}}
"#;

#[test]
fn an_event_finds_its_entries_by_its_folded_name_under_every_service() {
    let (content, _) = loaded(&[("m.yaml", HUAWEI)]);
    let found = |family, service, resource_type, name| {
        let key = EventKey { provider: Provider::Huawei, family, service, resource_type, name };
        content.entries_for(&key).count()
    };
    let rules = "security-group-rules";
    let create = "createSecurity-group-rule";
    assert_eq!(found(Family::Activity, "VPC", rules, create), 1);
    assert_eq!(
        found(Family::Activity, "ecs", "security_group_rules", "createsecuritygrouprule"),
        1
    );
    assert_eq!(found(Family::Activity, "IAM", rules, create), 0);
    assert_eq!(found(Family::State, "", "", "vpc.securityGroups"), 2);
    assert_eq!(found(Family::Activity, "", "", "vpc.securityGroups"), 0);
}

#[test]
fn an_entry_by_actor_reads_no_name_and_every_name_of_its_cloud() {
    let text = "
apiVersion: driftline/v1
kind: Mapping
provider: huawei
on: [{by: root, when: '!read_only', act: {sign_in: {user: actor.name}}}]
";
    let (content, _) = loaded(&[("m.yaml", text)]);
    let key = |provider, family| EventKey {
        provider,
        family,
        service: "VPC",
        resource_type: "eip",
        name: "createEip",
    };
    for (provider, family, reads) in [
        (Provider::Huawei, Family::Activity, true),
        (Provider::Huawei, Family::State, false),
        (Provider::Aws, Family::Activity, false),
    ] {
        let key = key(provider, family);
        assert!(!content.reads(&key));
        assert_eq!(content.reads_owner(&key), reads, "{provider:?} {family:?}");
    }
}

#[test]
fn a_kubernetes_name_ends_with_its_verb() {
    let text = "
apiVersion: driftline/v1
kind: Mapping
provider: kubernetes
service: ['']
on: [{event: pods/exec/create, act: blind}]
";
    let (content, _) = loaded(&[("m.yaml", text)]);
    let key = |resource_type, name| EventKey {
        provider: Provider::Kubernetes,
        family: Family::Activity,
        service: "",
        resource_type,
        name,
    };
    assert!(content.reads(&key("pods/exec", "create")));
    assert!(!content.reads(&key("pods", "exec/create")));
}

#[test]
fn an_entry_is_compiled_with_its_loops_and_groups() {
    let (content, _) = loaded(&[("m.yaml", HUAWEI)]);
    let create = &content.entries[0];
    let Verb::Put(rules) = &create.groups[0].verbs[0] else { panic!("no put") };
    let FacetRule::Items(items) = &rules[0].1 else { panic!("no items") };
    assert_eq!(items[0].loops.len(), 2);
    assert_eq!(items[0].loops[0].slot, scope::MAPPING_SLOTS);
    assert_eq!(create.slots, scope::MAPPING_SLOTS + 2);
    assert!(matches!(create.groups[0].otherwise[..], [Verb::Blind]));
    let snapshot = &content.entries[4];
    assert_eq!(snapshot.groups.len(), 2);
    let Verb::Replace(facets) = &snapshot.groups[0].verbs[0] else { panic!("no replace") };
    let FacetRule::Items(items) = &facets[2].1 else { panic!("no items") };
    assert_eq!(items[0].keep, [1, 6]);
    let Verb::Put(groups) = &snapshot.groups[1].verbs[0] else { panic!("no put") };
    let FacetRule::Items(items) = &groups[0].1 else { panic!("no items") };
    assert!(items[0].id.is_some() && items[0].value.is_none());
}

#[test]
fn the_schema_has_every_sort_of_facet() {
    let (content, _) = loaded(&[]);
    let schema = &content.schema;
    let group = schema.kind_named("network.security_group").expect("declared");
    let names: Vec<&str> = group.facets.iter().map(|facet| &*facet.name).collect();
    let common = ["name", "tags", "owner", "created", "managed_by"];
    assert_eq!(names, [&common[..], &["rules", "stateless", "open"]].concat());
    let rules = group.facet("rules").expect("declared");
    assert!(rules.is_set);
    assert_eq!(&*rules.key, [0, 1, 2, 3, 4]);
    let stateless = group.facet("stateless").expect("declared");
    assert_eq!(stateless.default, Some(Value::Bool(false)));
    let interface = schema.kind_named("network.interface").expect("declared");
    let addresses = interface.facet("addresses").expect("declared");
    let public_ip = schema.kind_named("network.public_ip").expect("declared").id;
    assert_eq!(addresses.ty, Type::List(Type::Resource(public_ip).into()));
    let record = schema.record_named("network_rule").expect("declared");
    let all = Value::Ports([crate::model::PortRange { first: 0, last: 65535 }].into(), true);
    assert_eq!(record.fields[3].default, Some(all));
    assert_eq!(
        record.fields[4].default,
        Some(Value::List([Value::Str("any".into())].into(), true))
    );
}

#[test]
fn a_known_record_has_its_types_defaults_and_leaves_the_rest_unsaid() {
    let text = "
apiVersion: driftline/v1
kind: Mapping
provider: aws
known:
  - kind: network.security_group
    id: sg
    replace: {rules: [{direction: ingress, ports: '443,22,80-90,85-100', peers: [10.1.2.3/8, any]}]}
  - {kind: identity.policy, id: p, replace: {versions: [{name: v1}]}}
on: []
";
    let (content, _) = loaded(&[("m.yaml", text)]);
    let element = |at: usize| {
        let crate::model::Edit::Facets(facets) = &content.known[at].write.edit else {
            panic!("no facets")
        };
        let crate::model::FacetEdit::Elements { replace: true, put, .. } = &facets[0].1 else {
            panic!("no elements")
        };
        put[0].value.to_json(&content.schema).to_string()
    };
    assert_eq!(
        element(0),
        r#"{"action":"allow","direction":"ingress","enabled":true,"peers":["10.0.0.0/8","any"],"ports":"22,80-100,443","priority":0,"protocol":"any"}"#
    );
    assert_eq!(element(1), r#"{"name":"v1"}"#);
}

#[test]
fn words_that_older_yaml_took_for_something_else_stay_text() {
    let text = "
apiVersion: driftline/v1
kind: Mapping
provider: aws
known:
  - {kind: account.settings, id: 007, replace: {strictness: no, code: 0123, block: true}}
  - {kind: account.settings, id: 1e3, replace: {strictness: on, code: '~'}}
on: []
";
    let (content, _) = loaded(&[("m.yaml", text)]);
    let facets = |at: usize| {
        let crate::model::Edit::Facets(facets) = &content.known[at].write.edit else {
            panic!("no facets")
        };
        facets
            .iter()
            .map(|(_, edit)| match edit {
                crate::model::FacetEdit::Set(value) => value.clone(),
                other => panic!("{other:?}"),
            })
            .collect::<Vec<_>>()
    };
    let text = |text: &str| Value::Str(text.into());
    assert_eq!(facets(0), [text("no"), text("0123"), Value::Bool(true)]);
    assert_eq!(facets(1), [text("on"), text("~")]);
    assert_eq!(content.known[0].write.target.id.as_deref(), Some("007"));
    assert_eq!(content.known[1].write.target.id.as_deref(), Some("1e3"));
}
