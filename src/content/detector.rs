//! Detectors: their documents enter, compiled [`Detector`]s leave, indexed by kind.

use std::sync::Arc;

use super::cases;
use super::compiled::{
    ActForm, Content, Derive, Detector, Form, Maturity, PostureForm, PostureOn, Scale,
};
use super::derive::own_facets;
use super::doc::{Coder, Doc};
use super::entry::item_type;
use super::files::Files;
use super::kinds::{area, nameable};
use super::literal::literal;
use super::names::is_detector;
use super::tree::{Data, Node};
use super::types::plain;
use super::{assume, scope, window};
use crate::expr::{Functions, Program, Var};
use crate::model::{
    Area, Digest, FacetId, Kind, Provider, RecordType, Schema, Severity, Type, Value,
};

const KEYS: [&str; 21] = [
    "apiVersion",
    "kind",
    "id",
    "title",
    "severity",
    "maturity",
    "area",
    "applies_to",
    "each",
    "insecure",
    "measure",
    "aspect",
    "assume",
    "on_act",
    "window",
    "why",
    "fix",
    "maps_to",
    "params",
    "tests",
    "doc",
];

/// What a detector's expressions may call and name.
pub(super) struct Bench<'a> {
    pub(super) doc: Doc<'a>,
    pub(super) coder: Coder<'a>,
    derives: &'a [Vec<Derive>],
    params: Vec<(Box<str>, Type, Value)>,
}

/// Loads all detectors into `content`, in id order.
pub(super) fn load(docs: &[Doc<'_>], functions: &Functions, files: &Files, content: &mut Content) {
    let mut detectors: Vec<Detector> = Vec::new();
    for doc in docs {
        let coder = Coder { schema: &content.schema, functions };
        let Some(detector) = detector(*doc, coder, &content.derives) else { continue };
        if let Some(other) = detectors.iter().find(|other| other.id == detector.id) {
            let message = format!(
                "detector `{}` is already at {}:{}",
                detector.id, other.source.file, other.source.line
            );
            doc.error(&doc.root.get("id").map_or(0..0, |node| node.span.clone()), message);
            continue;
        }
        content.suites.extend(cases::detector_suite(doc, files, &detector.id));
        detectors.push(detector);
    }
    detectors.sort_by(|left, right| left.id.cmp(&right.id));
    content.detectors = detectors;
    window::check_signals(docs, content);
    index(content);
}

fn index(content: &mut Content) {
    let mut postures: Vec<Vec<(u32, u32)>> = vec![Vec::new(); content.schema.kinds.len()];
    let mut deeds: Vec<Vec<u32>> = vec![Vec::new(); content.schema.acts.len()];
    for (number, detector) in (0_u32..).zip(&content.detectors) {
        match &detector.form {
            Form::Posture(form) => {
                for (place, on) in (0_u32..).zip(&form.on) {
                    postures[usize::from(on.kind.0)].push((number, place));
                }
            }
            Form::Act(form) => {
                deeds[usize::from(form.act)].push(number);
                let until = form.until.as_ref().map(|(act, _)| *act);
                if let Some(until) = until.filter(|until| *until != form.act) {
                    deeds[usize::from(until)].push(number);
                }
            }
            Form::Window(_) => content.windows.push(number),
        }
    }
    (content.postures, content.deeds) = (postures, deeds);
}

fn detector(doc: Doc<'_>, coder: Coder<'_>, derives: &[Vec<Derive>]) -> Option<Detector> {
    let root = doc.root;
    doc.only(root, "a detector", &KEYS);
    let node = doc.need(root, "id", "the detector")?;
    let id: Arc<str> = doc.word(node, "`id`")?.into();
    if !is_detector(&id) {
        let message = format!("`{id}` is no id of a detector");
        let hint =
            "write it as `ACME-001`: letters, digits, `-`, `_` and `.`, a letter first, 64 at most";
        doc.error_hint(&node.span, message, hint);
    }
    let what = format!("detector `{id}`");
    let params = params(&doc, coder.schema);
    let bench = Bench { doc, coder, derives, params };
    let (title, title_zh) = title(&doc, &what);
    let kinds = bench.kinds();
    let form = bench.form(&id, &what, &kinds);
    let severity = bench.severity(&what, &kinds);
    let why = doc.need(root, "why", &what).and_then(|node| doc.word(node, "`why`"));
    let (maps_to, attack) = maps_to(&doc);
    let area = area(&doc, root)
        .or_else(|| kinds.first().map(|kind| kind.area))
        .or_else(|| folder_area(&doc.file.path));
    if area.is_none() && root.get("area").is_none() {
        doc.need(root, "area", &what);
    }
    Some(Detector {
        id,
        title,
        title_zh,
        severity,
        maturity: maturity(&doc, &what),
        area: area.unwrap_or(Area::CloudServices),
        why: why.unwrap_or("").trim().into(),
        fix: fix(&doc),
        maps_to,
        attack,
        form: form?,
        digest: Digest::of_texts(&[doc.text()]),
        source: doc.source(&root.span),
        params: bench.params,
    })
}

fn title(doc: &Doc<'_>, what: &str) -> (Box<str>, Option<Box<str>>) {
    let Some(node) = doc.need(doc.root, "title", what) else { return (Box::default(), None) };
    if node.text().is_some() {
        return (node.text().unwrap_or("").into(), None);
    }
    doc.only(node, "`title`", &["en", "zh"]);
    let en = doc.need(node, "en", "`title`").and_then(|node| doc.word(node, "`en`"));
    let zh = node.get("zh").and_then(|node| doc.word(node, "`zh`"));
    (en.unwrap_or("").into(), zh.map(Into::into))
}

fn maturity(doc: &Doc<'_>, what: &str) -> Maturity {
    let Some(node) = doc.need(doc.root, "maturity", what) else { return Maturity::Experimental };
    match node.text() {
        Some("stable") => Maturity::Stable,
        Some("experimental") => Maturity::Experimental,
        other => {
            let word = other.unwrap_or("");
            let message = format!("unknown maturity `{word}`");
            doc.unknown(&node.span, message, word, ["stable", "experimental"]);
            Maturity::Experimental
        }
    }
}

/// `detectors/virtual-firewalls/fw-001.yaml` is about virtual firewalls.
fn folder_area(path: &str) -> Option<Area> {
    let folder = path.rsplit('/').nth(1)?;
    Area::ALL.into_iter().find(|area| area.as_str().to_lowercase().replace(' ', "-") == folder)
}

fn fix(doc: &Doc<'_>) -> Vec<(Provider, Box<str>)> {
    let Some(node) = doc.root.get("fix") else { return Vec::new() };
    let mut fixes = Vec::new();
    for (key, value) in doc.map(node, "`fix`") {
        let Some(provider) = Provider::from_name(&key.text) else {
            let known = Provider::ALL.iter().map(|provider| provider.as_str());
            doc.unknown(&key.span, format!("unknown provider `{}`", key.text), &key.text, known);
            continue;
        };
        if let Some(text) = doc.word(value, "a fix") {
            fixes.push((provider, text.trim().into()));
        }
    }
    fixes.sort_by_key(|(provider, _)| *provider);
    fixes
}

type Benchmarks = Vec<(Box<str>, Vec<Box<str>>)>;

fn maps_to(doc: &Doc<'_>) -> (Benchmarks, Vec<Box<str>>) {
    let (mut benchmarks, mut attack) = (Vec::new(), Vec::new());
    let Some(node) = doc.root.get("maps_to") else { return (benchmarks, attack) };
    for (key, value) in doc.map(node, "`maps_to`") {
        let ids: Vec<Box<str>> =
            doc.words(value, "an id").into_iter().map(|(id, _)| id.into()).collect();
        if key.text == "attack" {
            attack = ids;
        } else {
            benchmarks.push((key.text.as_str().into(), ids));
        }
    }
    (benchmarks, attack)
}

fn params(doc: &Doc<'_>, schema: &Schema) -> Vec<(Box<str>, Type, Value)> {
    let Some(node) = doc.root.get("params") else { return Vec::new() };
    let mut params = Vec::new();
    for (key, value) in doc.map(node, "`params`") {
        let what = format!("parameter `{}`", key.text);
        nameable(doc, key, "a parameter");
        doc.only(value, &what, &["type", "enum", "default", "doc"]);
        let ty = plain(doc, schema, value).unwrap_or(Type::Dyn);
        let default = doc.need(value, "default", &what);
        let default = default.and_then(|node| literal(doc, schema, node, &ty));
        params.push((key.text.as_str().into(), ty, default.unwrap_or(Value::Unknown)));
    }
    params
}

impl Bench<'_> {
    fn kinds(&self) -> Vec<&Kind> {
        let Some(node) = self.doc.root.get("applies_to") else { return Vec::new() };
        let schema = self.coder.schema;
        let mut kinds = Vec::new();
        for (name, at) in self.doc.words(node, "a kind") {
            let Some(kind) = schema.kind_named(name) else {
                let message = format!("unknown kind `{name}`");
                let known = schema.kinds.iter().map(|kind| &*kind.name);
                self.doc.unknown(&at.span, message, name, known);
                continue;
            };
            kinds.push(kind);
        }
        kinds
    }

    fn form(&self, id: &Arc<str>, what: &str, kinds: &[&Kind]) -> Option<Form> {
        let root = self.doc.root;
        let forms: Vec<&str> = ["insecure", "on_act", "window"]
            .into_iter()
            .filter(|key| root.get(key).is_some())
            .collect();
        match forms[..] {
            ["insecure"] => self.posture(id, what, kinds).map(Form::Posture),
            ["on_act"] => self.act(root.get("on_act")?).map(Form::Act),
            ["window"] => window::read(&self.doc, root.get("window")?).map(Form::Window),
            [_, second, ..] => {
                let node = root.get(second)?;
                self.doc
                    .error(&node.span, format!("{what} has both `{}` and `{second}`", forms[0]));
                None
            }
            _ => {
                self.doc.need(root, "insecure", what);
                None
            }
        }
    }

    fn posture(&self, id: &Arc<str>, what: &str, kinds: &[&Kind]) -> Option<PostureForm> {
        let root = self.doc.root;
        self.doc.need(root, "applies_to", what)?;
        let on: Vec<PostureOn> = kinds.iter().filter_map(|kind| self.on(kind)).collect();
        self.same_types(&on);
        let aspect = root.get("aspect").and_then(|node| self.doc.word(node, "`aspect`"));
        let assume = root
            .get("assume")
            .map_or_else(Vec::new, |node| assume::read(&self.doc, self.coder, kinds, node));
        (!on.is_empty()).then(|| PostureForm {
            on,
            aspect: aspect.map_or_else(|| id.clone(), Into::into),
            assume,
        })
    }

    /// The detector's programs for one kind.
    fn on(&self, kind: &Kind) -> Option<PostureOn> {
        let root = self.doc.root;
        let each = match root.get("each") {
            Some(node) => Some(self.each(kind, node)?),
            None => None,
        };
        let vars = self.posture_vars(kind, each);
        let program = |key: &str, expect: Option<Type>| {
            self.coder.compile(&self.doc, root.get(key)?, &vars, Some(kind.id), expect)
        };
        let insecure = root
            .get("insecure")
            .and_then(|node| self.coder.condition(&self.doc, node, &vars, Some(kind.id)));
        let measure = program("measure", Some(Type::Int));
        let insecure = insecure?;
        let mut facets: Vec<FacetId> = each.into_iter().collect();
        let scales = self.scales(kind, each);
        let scales = scales.iter().flatten();
        for program in [&insecure].into_iter().chain(&measure).chain(scales) {
            self.own(kind, program, &mut facets);
        }
        facets.sort_unstable();
        Some(PostureOn { kind: kind.id, each, insecure, measure, facets })
    }

    fn posture_vars(&self, kind: &Kind, each: Option<FacetId>) -> Vec<Var> {
        let item = each.map(|facet| item_type(&kind.facets[usize::from(facet.0)].ty));
        scope::posture(kind.id, item.as_ref(), &self.params)
    }

    fn own(&self, kind: &Kind, program: &Program, facets: &mut Vec<FacetId>) {
        for read in program.reads() {
            if let Some((first, facet)) = read.path.first()
                && *first == kind.id
            {
                own_facets(self.coder.schema, self.derives, kind.id, *facet, facets);
            }
        }
    }

    fn each(&self, kind: &Kind, node: &Node) -> Option<FacetId> {
        let name = self.doc.word(node, "`each`")?;
        let Some(facet) = kind.facet(name) else {
            let message = format!("unknown facet `{name}` of `{}`", kind.name);
            let known = kind.facets.iter().map(|facet| &*facet.name);
            self.doc.unknown(&node.span, message, name, known);
            return None;
        };
        if !matches!(facet.ty, Type::List(_)) {
            let message = format!("`{name}` of `{}` has no elements", kind.name);
            self.doc.error(&node.span, message);
            return None;
        }
        Some(facet.id)
    }

    /// A facet that several kinds share under one name must be of one type.
    fn same_types(&self, on: &[PostureOn]) {
        let Some((first, others)) = on.split_first() else { return };
        let schema = self.coder.schema;
        for facet in first.insecure.reads().iter().filter_map(|read| read.path.first()) {
            let facet = schema.facet(facet.0, facet.1);
            for other in others.iter().map(|on| schema.kind(on.kind)) {
                let Some(twin) = other.facet(&facet.name) else { continue };
                if twin.ty != facet.ty && !matches!(facet.ty, Type::Resource(_)) {
                    let node = self.doc.root.get("applies_to").unwrap_or(self.doc.root);
                    let message = format!(
                        "`{}` is not of one type on `{}` and `{}`",
                        facet.name,
                        schema.kind(first.kind).name,
                        other.name
                    );
                    self.doc.error(&node.span, message);
                }
            }
        }
    }

    /// `on_act:`.
    fn act(&self, node: &Node) -> Option<ActForm> {
        let doc = &self.doc;
        doc.only(node, "`on_act`", &["act", "when", "until"]);
        let (act, ty) = self.act_named(node)?;
        let until = match node.get("until") {
            Some(node) => {
                doc.only(node, "`until`", &["act", "when"]);
                let (act, ty) = self.act_named(node)?;
                Some((act, self.act_guard(node, ty)))
            }
            None => None,
        };
        Some(ActForm { act, when: self.act_guard(node, ty), until })
    }

    fn act_guard(&self, node: &Node, ty: &RecordType) -> Option<Program> {
        let vars = scope::act(ty, &self.params);
        self.coder.condition(&self.doc, node.get("when")?, &vars, None)
    }

    fn act_named(&self, owner: &Node) -> Option<(u16, &RecordType)> {
        let node = self.doc.need(owner, "act", "the act form")?;
        let name = self.doc.word(node, "`act`")?;
        let acts = &self.coder.schema.acts;
        let Some(index) = acts.iter().position(|act| &*act.name == name) else {
            let known = acts.iter().map(|act| &*act.name);
            self.doc.unknown(&node.span, format!("unknown act `{name}`"), name, known);
            return None;
        };
        Some((u16::try_from(index).ok()?, &acts[index]))
    }

    /// Conditions of `severity` for one kind.
    fn scales(&self, kind: &Kind, each: Option<FacetId>) -> Vec<Option<Program>> {
        let vars = self.posture_vars(kind, each);
        let Some(Node { data: Data::Seq(items), .. }) = self.doc.root.get("severity") else {
            return Vec::new();
        };
        let compile = |item: &Node| {
            let when = item.get("when")?;
            self.coder.condition(&self.doc, when, &vars, Some(kind.id))
        };
        items.iter().map(compile).collect()
    }

    fn severity(&self, what: &str, kinds: &[&Kind]) -> Vec<Scale> {
        let doc = &self.doc;
        let Some(node) = doc.need(doc.root, "severity", what) else { return Vec::new() };
        let Data::Seq(items) = &node.data else {
            return word_severity(doc, node)
                .map(|is| Scale { when: None, is })
                .into_iter()
                .collect();
        };
        let mut scales = Vec::new();
        for (place, item) in items.iter().enumerate() {
            doc.only(item, "a severity", &["when", "is"]);
            let Some(is) = doc.need(item, "is", "the severity") else { continue };
            let Some(is) = word_severity(doc, is) else { continue };
            let last = place + 1 == items.len();
            match item.get("when") {
                Some(when) if last => doc.error_hint(
                    &when.span,
                    "the last severity has a condition",
                    "add one without `when`: it holds where no other does",
                ),
                None if !last => {
                    doc.error(&item.span, "a severity without `when` hides those after it");
                }
                _ => {}
            }
            let when = item.get("when").map(|when| self.conditions(when, place, kinds));
            scales.push(Scale { when, is });
        }
        scales
    }

    /// One program per kind, or one for an act.
    fn conditions(&self, when: &Node, place: usize, kinds: &[&Kind]) -> Vec<Program> {
        let root = self.doc.root;
        if let Some(on_act) = root.get("on_act") {
            let Some((_, ty)) = self.act_named(on_act) else { return Vec::new() };
            let vars = scope::act(ty, &self.params);
            let program = self.coder.compile(&self.doc, when, &vars, None, Some(Type::Bool));
            return program.into_iter().collect();
        }
        if root.get("window").is_some() {
            self.doc.error(&when.span, "a window's severity has no condition");
            return Vec::new();
        }
        kinds
            .iter()
            .filter_map(|kind| {
                let each = root.get("each").and_then(|node| kind.facet(node.text()?)).map(|f| f.id);
                self.scales(kind, each).into_iter().nth(place).flatten()
            })
            .collect()
    }
}

fn word_severity(doc: &Doc<'_>, node: &Node) -> Option<Severity> {
    let word = doc.word(node, "`severity`")?;
    let found = Severity::from_name(word);
    if found.is_none() {
        let known = Severity::ALL.iter().map(|severity| severity.as_str());
        doc.unknown(&node.span, format!("unknown severity `{word}`"), word, known);
    }
    found
}
