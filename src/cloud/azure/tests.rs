//! Resource ids and security rules as Azure writes them.

use super::super::testing::ask;

const RULE: &str = r#""/subscriptions/S1/resourceGroups/G1/providers/Microsoft.Network/networkSecurityGroups/N1/securityRules/R1""#;

#[test]
fn ids_are_taken_apart_in_lower_case() {
    let group = "/subscriptions/s1/resourcegroups/g1";
    let cases = [
        (
            "azure.parent",
            RULE,
            "[]",
            format!("{group}/providers/microsoft.network/networksecuritygroups/n1"),
        ),
        (
            "azure.parent",
            r#""/subscriptions/S1/resourceGroups/G1/providers/Microsoft.Network/networkSecurityGroups/N1""#,
            "[]",
            group.into(),
        ),
        ("azure.parent", r#""/subscriptions/s1""#, "[]", "unsaid".into()),
        ("azure.parent", r#""""#, "[]", "unsaid".into()),
        ("azure.leaf", RULE, "[]", "r1".into()),
        ("azure.leaf", r#""/Subscriptions/ABC/""#, "[]", "abc".into()),
        ("azure.leaf", "1", "[]", "unsaid".into()),
        ("azure.segment", RULE, r#"["resourcegroups"]"#, "g1".into()),
        ("azure.segment", RULE, r#"["networkSecurityGroups"]"#, "n1".into()),
        ("azure.segment", RULE, r#"["virtualNetworks"]"#, "unsaid".into()),
        (
            "azure.role",
            r#""/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/8E3AF657-a8ff-443c-a75c-2fe8c4bcb635""#,
            "[]",
            "Owner".into(),
        ),
        ("azure.role", r#""b24988ac-6180-42a0-ab88-20f7382dd24c""#, "[]", "Contributor".into()),
        ("azure.role", r#""/x/ABCD""#, "[]", "abcd".into()),
        ("azure.role", "null", "[]", "unsaid".into()),
    ];
    for (name, first, further, expected) in cases {
        assert_eq!(ask(name, first, further), expected, "{name} of {first}");
    }
}

#[test]
fn security_rules_become_rules() {
    let cases = [
        (
            r#"{"access": "Allow", "direction": "Inbound", "protocol": "Tcp", "sourceAddressPrefix": "*", "sourceAddressPrefixes": [],
                "destinationPortRange": "22", "destinationPortRanges": [], "priority": 100, "destinationAddressPrefix": "10.0.0.0/8"}"#,
            "{direction=ingress action=allow protocol=tcp ports=22 peers=[any] priority=100}",
        ),
        (
            r#"{"access": "deny", "direction": "OUTBOUND", "protocol": "*", "destinationAddressPrefixes": ["10.1.2.3/8", "Storage.WestEurope", "Internet"],
                "destinationPortRanges": ["443", "80-90", "85-100"], "priority": "4096", "sourceAddressPrefix": "*"}"#,
            "{direction=egress action=deny protocol=any ports=80-100,443 peers=[10.0.0.0/8, tag:Storage.WestEurope, any] priority=4096}",
        ),
        (
            r#"{"access": "Allow", "direction": "Inbound", "protocol": "Icmp", "destinationPortRange": "*", "sourceApplicationSecurityGroups": [{"id": "/A/B"}]}"#,
            "{direction=ingress action=allow protocol=icmp ports=none peers=[group:/a/b]}",
        ),
        (
            r#"{"access": "Allow", "direction": "Inbound", "protocol": "*", "destinationPortRange": "*", "sourceAddressPrefix": "Any"}"#,
            "{direction=ingress action=allow protocol=any ports=all peers=[any]}",
        ),
        (
            r#"{"destinationPortRange": "x", "direction": "Inbound", "sourceAddressPrefix": "!"}"#,
            "{direction=ingress ports=unknown peers=[unknown]}",
        ),
        (
            r#"{"access": 1, "direction": "Sideways"}"#,
            "{direction=unknown action=unknown peers=unknown}",
        ),
        (r#"{"sourceAddressPrefix": "*"}"#, "{}"),
        ("null", "unsaid"),
    ];
    for (properties, expected) in cases {
        assert_eq!(ask("azure.rule", properties, "[]"), expected, "{properties}");
    }
}

/// <https://learn.microsoft.com/azure/role-based-access-control/scope-overview>
#[test]
fn ids_tell_their_type_and_level() {
    let vnet = "/subscriptions/S/resourceGroups/G/providers/Microsoft.Network/virtualNetworks/V";
    let group = "/providers/Microsoft.Management/managementGroups/M";
    let cases = [
        (vnet.to_owned(), "microsoft.network/virtualnetworks", "resource"),
        (format!("{vnet}/subnets/B"), "microsoft.network/virtualnetworks/subnets", "resource"),
        (
            format!("{vnet}/providers/Microsoft.Insights/diagnosticSettings/D"),
            "microsoft.insights/diagnosticsettings",
            "resource",
        ),
        (
            "/subscriptions/S/resourceGroups/G".into(),
            "microsoft.resources/subscriptions/resourcegroups",
            "resource_group",
        ),
        ("/subscriptions/S/".into(), "microsoft.resources/subscriptions", "subscription"),
        (group.into(), "microsoft.management/managementgroups", "management_group"),
        ("/".into(), "unsaid", "tenant"),
        ("junk".into(), "unsaid", "unsaid"),
        ("/subscriptions".into(), "unsaid", "unsaid"),
    ];
    for (id, kind, level) in cases {
        let quoted = format!("{id:?}");
        assert_eq!(ask("azure.type", &quoted, "[]"), kind, "{id}");
        assert_eq!(ask("azure.level", &quoted, "[]"), level, "{id}");
    }
}

/// Ids of roles: <https://learn.microsoft.com/azure/role-based-access-control/built-in-roles>
#[test]
fn role_assignments_become_statements() {
    let assigned = |role: &str, scope: &str, more: &str| {
        let text = format!(
            r#"{{"roleDefinitionId": "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/{role}", "principalId": "P-1", "principalType": "ServicePrincipal", "scope": "{scope}"{more}}}"#
        );
        (ask("azure.assignment", &text, "[]"), chain_admin(&text))
    };
    let owner = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";
    let access = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9";
    let reader = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
    let limited = r#", "condition": "@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {1}""#;
    for (role, scope, more, action, resource, admin) in [
        (owner, "/subscriptions/S", "", "*", "*", true),
        (owner, "/", "", "*", "*", true),
        (owner, "/providers/Microsoft.Management/managementGroups/M", "", "*", "*", true),
        (
            owner,
            "/subscriptions/S/resourceGroups/G",
            "",
            "*",
            "/subscriptions/s/resourcegroups/g",
            false,
        ),
        (access, "/subscriptions/S", "", "*", "*", true),
        (access, "/subscriptions/S", limited, "User Access Administrator", "*", false),
        (owner, "/subscriptions/S", limited, "*", "*", true),
        (reader, "/subscriptions/S", "", "Reader", "*", false),
        ("0000", "/subscriptions/S", "", "0000", "*", false),
    ] {
        let (statement, found) = assigned(role, scope, more);
        let head = format!(
            "{{effect=allow principals=[serviceprincipal:p-1] actions=[{action}] resources=[{resource}]"
        );
        assert!(statement.starts_with(&head), "{statement} for {role} at {scope}");
        assert_eq!(found, admin.to_string(), "{role} at {scope}");
    }
    for (text, expected) in [
        ("null", "unsaid"),
        (r#"{"roleDefinitionId": "x"}"#, "unknown"),
        (r#"{"principalId": "x"}"#, "unknown"),
        ("4", "unknown"),
    ] {
        assert_eq!(ask("azure.assignment", text, "[]"), expected, "{text}");
    }
}

/// Whether the assignment makes an administrator.
fn chain_admin(text: &str) -> String {
    use super::super::testing::chain;
    chain(&["azure.assignment", "aws.items", "iam.admin"], text, "[]")
}
