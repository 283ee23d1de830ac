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
