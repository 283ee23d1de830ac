//! Ways in which an author breaks a shipped file, each with the place and the words of the error
//! that must follow.

/// What the schema of the file's kind says to the edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// It refuses it: the edit breaks the shape.
    Refuses,
    /// It can't see it: the shape holds, and only the meaning is wrong.
    Passes,
    /// The file is no YAML any more.
    NotYaml,
}

use Schema::{NotYaml, Passes, Refuses};

/// One edit.
#[derive(Clone, Copy, Debug)]
pub struct Edit {
    /// What the author did.
    pub what: &'static str,
    /// The file, below `config/content/`.
    pub file: &'static str,
    /// What stands there; its first occurrence is edited.
    pub from: &'static str,
    /// What stands there afterwards; `»` marks where the error must point;
    /// without it, that is the document's first key.
    pub to: &'static str,
    /// A part of the message.
    pub message: &'static str,
    /// What is suggested; empty where nothing is.
    pub hint: &'static str,
    /// What the schema says.
    pub schema: Schema,
}

impl Edit {
    /// The file's text after the edit, and the line and column of the mark.
    pub fn apply(&self, text: &str) -> (String, usize, usize) {
        let at = text.find(self.from);
        let at =
            at.unwrap_or_else(|| panic!("{}: {} has no `{}`", self.what, self.file, self.from));
        let marked = format!("{}{}{}", &text[..at], self.to, &text[at + self.from.len()..]);
        let mark = match self.to.find('»') {
            Some(mark) => at + mark,
            None => marked.find("apiVersion").unwrap_or_default(),
        };
        let line = marked[..mark].matches('\n').count() + 1;
        let column = marked[..mark].chars().rev().take_while(|c| *c != '\n').count() + 1;
        (marked.replacen('»', "", 1), line, column)
    }
}

const GROUP: &str = "kinds/network.security_group.yaml";
const BUCKET: &str = "kinds/storage.bucket.yaml";
const RULES: &str = "mappings/huawei/vpc_security_group.yaml";
const KMS: &str = "mappings/aws/kms.yaml";
const GCS: &str = "mappings/gcp/storage.yaml";
const PUBLIC: &str = "detectors/tenant-data/obj-001.yaml";
const HOST: &str = "detectors/virtual-hosts/host-007.yaml";
const LOGIN: &str = "detectors/identity/iam-005.yaml";
const API: &str = "detectors/api-gateways/api-001.yaml";
const FLAPPING: &str = "detectors/windows/tmp-005.yaml";
const TYPES: &str = "types.yaml";
const ACTS: &str = "acts.yaml";

macro_rules! edits {
    ($($what:literal $file:ident $from:literal => $to:literal, $message:literal, $hint:literal, $schema:ident;)*) => {
        &[$(Edit { what: $what, file: $file, from: $from, to: $to, message: $message, hint: $hint, schema: $schema }),*]
    };
}

/// Every edit.
pub const EDITS: &[Edit] = edits! {
    // The file itself.
    "a bracket is missing" API "nist: [AC-3, IA-2]" => "nist: [AC-3, IA-2\n  cis_controls»: x",
        "not YAML", "is the `[` at line 19, column 9 closed?", NotYaml;
    "a quote is missing" BUCKET "is: \"grants.exists(g, g" => "is: grants.exists(g, »g",
        "unknown key `g == '*'", "what has a comma stands in quotes", Refuses;
    "a tab in the indentation" API "fix:\n  huawei:" => "fix:\n»\thuawei:",
        "a tab stands where YAML wants spaces", "indent with spaces", NotYaml;
    "an alias" API "severity: high" => "severity: »*high",
        "YAML aliases are not read", "write the value out", NotYaml;
    "a key said twice" API "maturity: stable" => "maturity: stable\n»severity: low",
        "`severity` is said twice", "keep one of them", NotYaml;
    "another version" API "apiVersion: driftline/v1" => "apiVersion: »driftline/v2",
        "unknown version `driftline/v2`", "write `driftline/v1`", Refuses;
    "no version" API "apiVersion: driftline/v1\n" => "»",
        "the document has no `apiVersion`", "", Refuses;
    "an unknown kind of document" API "kind: Detector" => "kind: »Detektor",
        "unknown kind of document `Detektor`", "did you mean `Detector`?", Refuses;
    // Kinds and types.
    "an unknown type of a facet" BUCKET "{type: list<principal>, doc: who may read" => "{type: list<»principel>, doc: who may read",
        "unknown type `principel`", "did you mean `principal`?", Passes;
    "an unknown key of a facet" BUCKET "doc: who may write" => "»docs: who may write",
        "unknown key `docs` of facet `write_grants`", "did you mean `doc`?", Refuses;
    "an unknown area" GROUP "area: virtual firewalls" => "area: »virtual firewall",
        "unknown area `virtual firewall`", "did you mean `virtual firewalls`?", Refuses;
    "a set without a key" GROUP "{type: set<network_rule>, key: [direction, action, protocol, ports, peers]}" => "»{type: set<network_rule>}",
        "set `rules` of records has no `key`", "name the fields that tell one `network_rule` from another", Passes;
    "an unknown field in a key" GROUP "key: [direction, action," => "key: [direction, »actoin,",
        "unknown field `actoin` of `network_rule`", "did you mean `action`?", Passes;
    "a facet derived from one that is not there" GROUP "net.open(rules, ingress)" => "net.open(»ruls, ingress)",
        "unknown name `ruls`", "did you mean `rules`?", Passes;
    "an unknown function" GROUP "net.open(rules, ingress)" => "net.»opne(rules, ingress)",
        "unknown function `net.opne`", "did you mean `net.open`?", Passes;
    "a wrong type of a derived facet" GROUP "world: {type: ports, is: \"net." => "world: {type: bool, is: \"net.»",
        "the expression must be bool, not ports", "", Passes;
    "a derived facet that reads itself" BUCKET "derive:\n" => "derive:\n  a: {type: bool, is: »b}\n  b: {type: bool, is: a}\n",
        "lead back to themselves", "", Passes;
    "a reference to an unknown kind" BUCKET "one account.settings" => "one »account.setings",
        "unknown kind `account.setings`", "did you mean `account.settings`?", Passes;
    "a default that is no port" TYPES "ports:     {type: ports, default: all}\n    peers" => "ports:     {type: ports, default: »everything}\n    peers",
        "`everything` is not of type ports", "write `22`, `80,443`, `8000-8100`, `all` or `none`", Passes;
    "a default that is none of the words" TYPES "{enum: [allow, deny], default: allow}\n    protocol" => "{enum: [allow, deny], default: »permit}\n    protocol",
        "`permit` is none of `allow`, `deny`", "", Passes;
    "words of an enum without brackets" TYPES "{enum: [ingress, egress]}" => "{enum: »ingress}",
        "`enum` must be a list", "put the words in brackets", Refuses;
    "an unknown type in an act" ACTS "success:   bool" => "success:   »boolean",
        "unknown type `boolean`", "write `bool`", Passes;
    // Mappings.
    "an unknown provider" KMS "provider: aws" => "provider: »amazon",
        "unknown provider `amazon`", "", Refuses;
    "a mapping without its service" KMS "service: kms.amazonaws.com\n" => "",
        "a mapping of events has no `service`", "", Passes;
    "an unknown verb" KMS "delete: true}\n  - snapshot" => "»erase: true}\n  - snapshot",
        "unknown key `erase` of an entry", "", Refuses;
    "an unknown facet in a mapping" KMS "put: {rotation: false}" => "put: {»rotaton: false}",
        "unknown facet `rotaton` of `key.key`", "did you mean `rotation`?", Passes;
    "a derived facet is written" RULES "put: {name: \"first" => "put: {»world: \"first",
        "facet `world` of `network.security_group` is derived", "say the facets it reads", Passes;
    "an unknown word of an enum" KMS "put: {state: disabled}}     #" => "put: {state: »disbled}}     #",
        "unknown word `disbled`", "did you mean `disabled`?", Passes;
    "an unknown kind of resource" KMS "{kind: key.key, id: response.keyMetadata.keyId}" => "{kind: »key.keys, id: response.keyMetadata.keyId}",
        "unknown kind `key.keys`", "did you mean `key.key`?", Passes;
    "a wrong number of arguments" RULES "whole: rule(r, event.time)\n    else" => "whole: »rule(r)\n    else",
        "`rule` takes 2 arguments, not 1", "", Passes;
    "functions in a circle" GCS "bucket(): gcp.name(resource_id)" => "»bucket(): other()\n  other(): bucket()",
        "functions call themselves: bucket -> other -> bucket", "", Passes;
    "an expression that ends too early" KMS "first(configuration.keySpec, configuration.customerMasterKeySpec)" => "first(configuration.keySpec, configuration.customerMasterKeySpec»",
        "`)` is missing here", "", Passes;
    "a comma without quotes in braces" KMS "id: key(request.keyId)}, put: {state: pending_deletion}}" => "id: first(request.keyId, »request.id)}, put: {state: pending_deletion}}",
        "unknown key `request.id)` of `resource`", "what has a comma stands in quotes", Refuses;
    "an element that is neither whole nor part" RULES "put: {rules: {id: resource_id, part: " => "put: {rules: {id: resource_id, »parts: ",
        "unknown key `parts` of an item of `rules`", "did you mean `part`?", Refuses;
    "an unknown act" RULES "else: {act: blind}" => "else: {act: »blnd}",
        "unknown act `blnd`", "did you mean `blind`?", Passes;
    "a test of a facet that is not there" KMS "{state: pending_deletion}\n" => "{»stat: pending_deletion}\n",
        "unknown facet `stat` of `key.key`", "did you mean `state`?", Passes;
    // Detectors.
    "a misspelt facet" API "insecure: auth ==" => "insecure: »authh ==",
        "unknown name `authh`", "did you mean `auth`?", Passes;
    "a misspelt word of an enum" API "auth == \"none\"" => "auth == »\"non\"",
        "unknown word `non`", "did you mean `none`?", Passes;
    "text compared with a truth value" API "&& published &&" => "&& published »== \"yes\" &&",
        "bool cannot be compared with string", "", Passes;
    "a text where a truth value is due" HOST "insecure: exposed.intersects(params.admin_ports)" => "insecure: »exposed",
        "the expression must be bool, not ports", "", Passes;
    "a wrong type of an argument" HOST "exposed.intersects(params.admin_ports)" => "exposed.intersects(»22)",
        "`b` of `intersects` must be ports, not int", "", Passes;
    "an unknown parameter" HOST "params.admin_ports" => "params.»admin_port",
        "unknown name `params.admin_port`", "did you mean `params.admin_ports`?", Passes;
    "a default of another type" HOST "default: \"22,3389,5985-5986\"" => "default: »\"ssh\"",
        "`ssh` is not of type ports", "write `22`, `80,443`, `8000-8100`, `all` or `none`", Passes;
    "an unknown severity" API "severity: high" => "severity: »hihg",
        "unknown severity `hihg`", "did you mean `high`?", Refuses;
    "an unknown maturity" API "maturity: stable" => "maturity: »stabel",
        "unknown maturity `stabel`", "did you mean `stable`?", Refuses;
    "an id that is none" API "id: API-001" => "id: »api 001",
        "`api 001` is no id of a detector", "write it as `ACME-001`: letters, digits, `-`, `_` and `.`, a letter first, 64 at most", Refuses;
    "no reason why" API "why: Whoever learns the address calls the back end.\n" => "",
        "detector `API-001` has no `why`", "", Refuses;
    "two forms in one detector" API "why: Whoever" => "on_act: »{act: sign_in}\nwhy: Whoever",
        "has both `insecure` and `on_act`", "", Refuses;
    "a kind that is not there" API "applies_to: api.method" => "applies_to: »api.methods",
        "unknown kind `api.methods`", "did you mean `api.method`?", Passes;
    "a fix for an unknown cloud" API "  gcp: Deploy" => "  »google: Deploy",
        "unknown provider `google`", "", Refuses;
    "a regex that does not parse" PUBLIC "\"(?i)(^|" => "»\"(?i)(^|[",
        "the regular expression does not parse: unclosed character class", "", Passes;
    "a network that is none" HOST "params: {" => "params: {office: {type: cidr, default: »10.0.0.0/33}, ",
        "`10.0.0.0/33` is not of type cidr", "write an address, and a prefix behind `/` for more than one: `10.0.0.0/8`", Passes;
    "an assumption about nothing" PUBLIC "assume: {block:" => "assume: {»blok:",
        "unknown facet `blok` of `storage.bucket`", "did you mean `block`?", Passes;
    "an act that is not there" LOGIN "{act: sign_in, when" => "{act: »sign_on, when",
        "unknown act `sign_on`", "did you mean `sign_in`?", Passes;
    "a field that the act lacks" LOGIN "success && !mfa" => "success && !»mfaa",
        "unknown name `mfaa`", "did you mean `mfa`?", Passes;
    "the last severity has a condition" LOGIN "  - {is: medium}" => "  - {is: medium, when: »root}",
        "the last severity has a condition", "add one without `when`: it holds where no other does", Passes;
    "a fixture that is not there" LOGIN "{fixture: aws/console-login-without-mfa.json}" => "{fixture: »aws/console-login.json}",
        "no fixture `aws/console-login.json`", "put the file below `fixtures/`", Passes;
    "a span of time that is none" FLAPPING "within: 1h" => "within: »1 hour",
        "`1 hour` is no span of time", "write `30s`, `15m`, `4h` or `7d`", Refuses;
    "an unknown scope of a window" FLAPPING "by: control" => "by: »controls",
        "unknown scope `controls`", "did you mean `control`?", Refuses;
    "a misspelt bound of a window"
        FLAPPING "within: 1h" => "»wthin: 1h",
        "unknown key `wthin` of `count`", "did you mean `within`?", Refuses;
    "a window that hears no detector" FLAPPING "\"FW-*\"" => "»\"FFW-*\"",
        "no detector is `FFW-*`", "", Passes;
    "a number that is none" FLAPPING "at_least: 4" => "at_least: »four",
        "`at_least` must be a whole number", "", Refuses;
    "an unknown key of a detector" API "severity: high" => "»severty: high",
        "unknown key `severty` of a detector", "did you mean `severity`?", Refuses;
    "an unknown step" API "expect: [opened high, resolved]" => "expect: [»open high, resolved]",
        "unknown step `open`", "", Refuses;
    "a test of nonsense" API "expect: [silent]" => "expect: [»silent, resolved]",
        "`silent` stands alone", "", Passes;
    "a test without a name" API "  - name: a preflight request needs none\n    events" => "  - »events",
        "the test has no `name`", "", Refuses;
    "an unknown key of an event" API "name: PutMethod, request" => "name: PutMethod, »reqest",
        "unknown key `reqest` of `aws`", "did you mean `request`?", Refuses;
    "a list where a text is due" API "why: Whoever learns the address calls the back end." => "why: »[Whoever learns the address calls the back end.]",
        "`why` must be a text, not a list", "", Refuses;
};
