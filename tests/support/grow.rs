//! Grows random well-typed expressions of plain CEL from a list of bytes, so that a failing case
//! shrinks with the bytes.
//!
//! Variables: `n: int`, `flag: bool`, `text: string`, `numbers: list<int>`,
//! `texts: list<string>`, `counts: map<int>` with the keys `a` and `b`, `ratio: double`.

/// Levels an expression is grown to.
const DEPTH: usize = 5;

/// Choices that steer the growth; once they are used up everything becomes a literal.
struct Choices<'c> {
    bytes: std::slice::Iter<'c, u8>,
    /// Macro variables in scope, with their type.
    locals: Vec<(String, Sort)>,
    made: usize,
}

/// The types that are grown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    Int,
    Bool,
    Text,
    Ints,
    Texts,
    Map,
    Double,
}

/// Every sort.
pub const SORTS: [Sort; 7] =
    [Sort::Int, Sort::Bool, Sort::Text, Sort::Ints, Sort::Texts, Sort::Map, Sort::Double];

/// The expression of a sort that `bytes` choose.
pub fn grow(sort: usize, bytes: &[u8]) -> String {
    let mut choices = Choices { bytes: bytes.iter(), locals: Vec::new(), made: 0 };
    choices.of(SORTS[sort % SORTS.len()], DEPTH)
}

impl Choices<'_> {
    fn pick(&mut self, among: usize) -> usize {
        self.bytes.next().map_or(0, |byte| usize::from(*byte) % among)
    }

    fn of(&mut self, sort: Sort, depth: usize) -> String {
        if depth == 0 {
            return self.leaf(sort);
        }
        match sort {
            Sort::Int => self.int(depth - 1),
            Sort::Bool => self.truth(depth - 1),
            Sort::Text => self.text(depth - 1),
            Sort::Ints => self.list(Sort::Ints, Sort::Int, depth - 1),
            Sort::Texts => self.list(Sort::Texts, Sort::Text, depth - 1),
            Sort::Map => self.map(depth - 1),
            Sort::Double => self.double(depth - 1),
        }
    }

    fn leaf(&mut self, sort: Sort) -> String {
        let known: Vec<_> = self
            .locals
            .iter()
            .filter(|(_, own)| *own == sort)
            .map(|(name, _)| name.clone())
            .collect();
        if !known.is_empty() && self.pick(3) > 0 {
            let place = self.pick(known.len());
            return known[place].clone();
        }
        let choices: &[&str] = match sort {
            Sort::Int => {
                &["0", "1", "2", "-1", "7", "9223372036854775807", "-9223372036854775808", "n"]
            }
            Sort::Bool => &["true", "false", "flag"],
            Sort::Text => &["''", "'a'", "'b'", "'ab'", "'né'", "text"],
            Sort::Ints => &["[]", "[1, 2]", "[0]", "numbers"],
            Sort::Texts => &["[]", "['a']", "['b', 'ab', 'a']", "texts"],
            Sort::Double => &["0.0", "1.5", "-2.0", "1e300", "0.1", "ratio"],
            Sort::Map => &["{'a': 1, 'b': 2}", "{'a': 0, 'b': 0}", "counts"],
        };
        choices[self.pick(choices.len())].into()
    }

    /// What every sort may be: a leaf, or one of two.
    fn common(&mut self, sort: Sort, depth: usize) -> String {
        if self.pick(2) == 0 {
            return self.leaf(sort);
        }
        let condition = self.of(Sort::Bool, depth);
        let (yes, no) = (self.of(sort, depth), self.of(sort, depth));
        format!("({condition} ? {yes} : {no})")
    }

    fn int(&mut self, depth: usize) -> String {
        match self.pick(14) {
            0 | 1 => self.common(Sort::Int, depth),
            9 => {
                let key = ["a", "b", "z"][self.pick(3)];
                // The alternative is never one that fails: the crate works it out in any case,
                // where CEL's own evaluators do not.
                format!("{}.?{key}.orValue({})", self.of(Sort::Map, depth), self.leaf(Sort::Int))
            }
            10 => {
                let (list, place) = (self.of(Sort::Ints, depth), self.of(Sort::Int, depth));
                format!("{list}[?{place}].orValue({})", self.leaf(Sort::Int))
            }
            11 => {
                let function = ["indexOf", "lastIndexOf"][self.pick(2)];
                format!("{}.{function}({})", self.of(Sort::Text, depth), self.of(Sort::Text, depth))
            }
            12 => format!("int({})", self.of(Sort::Double, depth)),
            13 => {
                let function = ["greatest", "least"][self.pick(2)];
                format!(
                    "math.{function}({}, {})",
                    self.of(Sort::Int, depth),
                    self.of(Sort::Int, depth)
                )
            }
            2 => {
                let sort = [Sort::Text, Sort::Ints, Sort::Texts, Sort::Map][self.pick(4)];
                format!("{}.size()", self.of(sort, depth))
            }
            3 => format!("(-({}))", self.of(Sort::Int, depth)),
            4 => format!("{}[{}]", self.of(Sort::Ints, depth), self.of(Sort::Int, depth)),
            5 => format!("{}['{}']", self.of(Sort::Map, depth), ["a", "b"][self.pick(2)]),
            6 => format!("{}.{}", self.of(Sort::Map, depth), ["a", "b"][self.pick(2)]),
            _ => {
                let sign = ["+", "-", "*", "/", "%"][self.pick(5)];
                format!("({} {sign} {})", self.of(Sort::Int, depth), self.of(Sort::Int, depth))
            }
        }
    }

    fn truth(&mut self, depth: usize) -> String {
        let all = SORTS;
        match self.pick(13) {
            0 => self.common(Sort::Bool, depth),
            10 => {
                let key = ["a", "b", "z"][self.pick(3)];
                let map = self.of(Sort::Map, depth);
                if self.pick(2) == 0 {
                    format!("has({map}.{key})")
                } else {
                    format!("{map}.?{key}.hasValue()")
                }
            }
            11 => {
                let sign = ["<", "<=", ">", ">="][self.pick(4)];
                format!("({} {sign} {})", self.number(depth), self.number(depth))
            }
            1 => format!("!({})", self.of(Sort::Bool, depth)),
            2 | 3 => {
                let sign = ["&&", "||"][self.pick(2)];
                format!("({} {sign} {})", self.of(Sort::Bool, depth), self.of(Sort::Bool, depth))
            }
            4 => {
                let sort = all[self.pick(all.len())];
                let sign = ["==", "!="][self.pick(2)];
                format!("({} {sign} {})", self.of(sort, depth), self.of(sort, depth))
            }
            5 => {
                let sort = all[self.pick(3)];
                let sign = ["<", "<=", ">", ">="][self.pick(4)];
                format!("({} {sign} {})", self.of(sort, depth), self.of(sort, depth))
            }
            6 => {
                let pairs =
                    [(Sort::Int, Sort::Ints), (Sort::Text, Sort::Texts), (Sort::Text, Sort::Map)];
                let (item, among) = pairs[self.pick(3)];
                format!("({} in {})", self.of(item, depth), self.of(among, depth))
            }
            7 => {
                let function = ["contains", "startsWith", "endsWith"][self.pick(3)];
                format!("{}.{function}({})", self.of(Sort::Text, depth), self.of(Sort::Text, depth))
            }
            _ => {
                let (list, item) = self.list_sort();
                let list = self.of(list, depth);
                let function = ["exists", "all", "exists_one"][self.pick(3)];
                let (name, body) = self.within(item, Sort::Bool, depth);
                format!("{list}.{function}({name}, {body})")
            }
        }
    }

    fn text(&mut self, depth: usize) -> String {
        match self.pick(10) {
            0 | 1 => self.common(Sort::Text, depth),
            5 => {
                let function = ["lowerAscii", "upperAscii", "trim", "reverse"][self.pick(4)];
                format!("{}.{function}()", self.of(Sort::Text, depth))
            }
            6 => {
                let (text, from) = (self.of(Sort::Text, depth), self.of(Sort::Text, depth));
                format!("{text}.replace({from}, {})", self.of(Sort::Text, depth))
            }
            7 => format!("{}.charAt({})", self.of(Sort::Text, depth), self.of(Sort::Int, depth)),
            8 => {
                let (text, from) = (self.of(Sort::Text, depth), self.of(Sort::Int, depth));
                format!("{text}.substring({from}, {})", self.of(Sort::Int, depth))
            }
            9 => format!("{}.join({})", self.of(Sort::Texts, depth), self.of(Sort::Text, depth)),
            2 => format!("string({})", self.of(Sort::Int, depth)),
            3 => format!("{}[{}]", self.of(Sort::Texts, depth), self.of(Sort::Int, depth)),
            _ => format!("({} + {})", self.of(Sort::Text, depth), self.of(Sort::Text, depth)),
        }
    }

    fn list(&mut self, sort: Sort, item: Sort, depth: usize) -> String {
        match self.pick(10) {
            0 | 1 => self.common(sort, depth),
            7 => {
                let function = ["reverse", "distinct", "sort"][self.pick(3)];
                format!("{}.{function}()", self.of(sort, depth))
            }
            8 if sort == Sort::Texts => {
                format!("{}.split({})", self.of(Sort::Text, depth), self.of(Sort::Text, depth))
            }
            8 => {
                let map = self.of(Sort::Map, depth);
                format!("[?{map}.?a, {}, ?{map}.?z]", self.of(item, depth))
            }
            9 => {
                let list = self.of(sort, depth);
                let (from, to) = (self.pick(3), self.pick(4));
                format!("{list}.slice({from}, {to})")
            }
            2 => {
                let items: Vec<_> = (0..self.pick(4)).map(|_| self.of(item, depth)).collect();
                format!("[{}]", items.join(", "))
            }
            3 => format!("({} + {})", self.of(sort, depth), self.of(sort, depth)),
            4 => {
                let list = self.of(sort, depth);
                let (name, body) = self.within(item, Sort::Bool, depth);
                format!("{list}.filter({name}, {body})")
            }
            5 => {
                let (from, element) = self.list_sort();
                let list = self.of(from, depth);
                let (name, body) = self.within(element, item, depth);
                format!("{list}.map({name}, {body})")
            }
            _ => {
                let (from, element) = self.list_sort();
                let list = self.of(from, depth);
                let name = self.fresh(element);
                let (test, body) = (self.of(Sort::Bool, depth), self.of(item, depth));
                self.locals.pop();
                format!("{list}.map({name}, {test}, {body})")
            }
        }
    }

    /// A double that is a number: the crate fails to order what is none, and what it then makes of
    /// the failure depends on what stands around it.
    fn number(&mut self, depth: usize) -> String {
        match self.pick(2) {
            0 => self.leaf(Sort::Double),
            _ => format!("double({})", self.of(Sort::Int, depth)),
        }
    }

    fn double(&mut self, depth: usize) -> String {
        match self.pick(5) {
            0 => self.common(Sort::Double, depth),
            1 => format!("double({})", self.of(Sort::Int, depth)),
            2 => format!("(-({}))", self.of(Sort::Double, depth)),
            _ => {
                let sign = ["+", "-", "*", "/"][self.pick(4)];
                format!(
                    "({} {sign} {})",
                    self.of(Sort::Double, depth),
                    self.of(Sort::Double, depth)
                )
            }
        }
    }

    fn map(&mut self, depth: usize) -> String {
        match self.pick(3) {
            0 => self.common(Sort::Map, depth),
            _ => format!(
                "{{'a': {}, 'b': {}}}",
                self.of(Sort::Int, depth),
                self.of(Sort::Int, depth)
            ),
        }
    }

    fn list_sort(&mut self) -> (Sort, Sort) {
        [(Sort::Ints, Sort::Int), (Sort::Texts, Sort::Text)][self.pick(2)]
    }

    fn fresh(&mut self, sort: Sort) -> String {
        self.made += 1;
        let name = format!("x{}", self.made);
        self.locals.push((name.clone(), sort));
        name
    }

    fn within(&mut self, element: Sort, body: Sort, depth: usize) -> (String, String) {
        let name = self.fresh(element);
        let body = self.of(body, depth);
        self.locals.pop();
        (name, body)
    }
}
