//! The rules themselves, each from a file to its findings.

use std::fmt;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::tree::{Known, Source};

/// One breach of one rule.
pub struct Finding {
    place: String,
    what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

fn finding(source: &Source, line: usize, what: String) -> Finding {
    Finding {
        place: format!("{}:{line}", source.path),
        what,
    }
}

/// A shipped file is about one thing: at most 500 lines, its tests at the end not counted.
pub fn file_length(source: &Source, _: &Known) -> Vec<Finding> {
    let lines = source
        .text
        .lines()
        .take_while(|line| *line != "#[cfg(test)]")
        .count();
    let long = lines > 500 && source.is_production();
    long.then(|| finding(source, lines, format!("{lines} lines; allowed: 500")))
        .into_iter()
        .collect()
}

/// A function fits on a screen: at most 70 lines. Tests may hold longer tables of cases.
pub fn function_length(source: &Source, _: &Known) -> Vec<Finding> {
    if !source.is_production() {
        return Vec::new();
    }
    let functions = functions(source)
        .into_iter()
        .filter(|function| function.lines > 70);
    functions
        .map(|f| {
            finding(
                source,
                f.line,
                format!("{} has {} lines; allowed: 70", f.name, f.lines),
            )
        })
        .collect()
}

/// Lengths of the functions of a shipped file.
pub fn function_lengths(source: &Source) -> Vec<usize> {
    if !source.is_production() {
        return Vec::new();
    }
    functions(source)
        .into_iter()
        .map(|function| function.lines)
        .collect()
}

struct Function {
    name: String,
    line: usize,
    lines: usize,
}

fn functions(source: &Source) -> Vec<Function> {
    struct Found(Vec<Function>);
    impl Found {
        fn add(&mut self, signature: &syn::Signature, block: &syn::Block) {
            let first = signature.span().start().line;
            let lines = block.span().end().line + 1 - first;
            self.0.push(Function {
                name: signature.ident.to_string(),
                line: first,
                lines,
            });
        }
    }
    impl<'ast> Visit<'ast> for Found {
        fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
            self.add(&item.sig, &item.block);
            visit::visit_item_fn(self, item);
        }
        fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
            self.add(&item.sig, &item.block);
            visit::visit_impl_item_fn(self, item);
        }
    }
    let mut found = Found(Vec::new());
    found.visit_file(&source.tree);
    found.0
}

/// In `core` and `protocols` a match over our own enums names every variant, so that a new variant
/// is a compile error wherever it has to be thought about.
pub fn wildcards(source: &Source, known: &Known) -> Vec<Finding> {
    struct Matches<'k> {
        known: &'k Known,
        lines: Vec<usize>,
    }
    impl<'ast> Visit<'ast> for Matches<'_> {
        fn visit_expr_match(&mut self, expression: &'ast syn::ExprMatch) {
            let ours = expression
                .arms
                .iter()
                .any(|arm| names_own_enum(&arm.pat, self.known));
            let bare = expression
                .arms
                .iter()
                .find(|arm| matches!(arm.pat, syn::Pat::Wild(_)) && arm.guard.is_none());
            if let (true, Some(arm)) = (ours, bare) {
                self.lines.push(arm.span().start().line);
            }
            visit::visit_expr_match(self, expression);
        }
        fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
            if !is_test(&item.attrs) {
                visit::visit_item_mod(self, item);
            }
        }
    }
    if !(source.path.starts_with("core/src") || source.path.starts_with("protocols/src")) {
        return Vec::new();
    }
    let mut matches = Matches {
        known,
        lines: Vec::new(),
    };
    matches.visit_file(&source.tree);
    let what = "a wildcard in a match over our own enum: name the variants";
    matches
        .lines
        .into_iter()
        .map(|line| finding(source, line, what.to_owned()))
        .collect()
}

fn names_own_enum(pattern: &syn::Pat, known: &Known) -> bool {
    let own = |path: &syn::Path| {
        let mut segments = path.segments.iter().rev().skip(1);
        segments.next().is_some_and(|segment| {
            segment.ident == "Self" || known.enums.contains(&segment.ident.to_string())
        })
    };
    match pattern {
        syn::Pat::Path(pattern) => own(&pattern.path),
        syn::Pat::TupleStruct(pattern) => own(&pattern.path),
        syn::Pat::Struct(pattern) => own(&pattern.path),
        syn::Pat::Or(pattern) => pattern.cases.iter().any(|case| names_own_enum(case, known)),
        syn::Pat::Reference(pattern) => names_own_enum(&pattern.pat, known),
        syn::Pat::Paren(pattern) => names_own_enum(&pattern.pat, known),
        _ => false,
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || (attribute.path().is_ident("cfg")
                && attribute
                    .parse_args::<syn::Path>()
                    .is_ok_and(|path| path.is_ident("test")))
    })
}

/// A public function that returns a `Result` has an `# Errors` section.
pub fn errors_documented(source: &Source, _: &Known) -> Vec<Finding> {
    struct Public(Vec<(String, usize)>);
    impl Public {
        fn check(&mut self, vis: &syn::Visibility, sig: &syn::Signature, attrs: &[syn::Attribute]) {
            let public = matches!(vis, syn::Visibility::Public(_));
            if public && returns_result(sig) && !documentation(attrs).contains("# Errors") {
                self.0
                    .push((sig.ident.to_string(), sig.span().start().line));
            }
        }
    }
    impl<'ast> Visit<'ast> for Public {
        fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
            self.check(&item.vis, &item.sig, &item.attrs);
        }
        fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
            self.check(&item.vis, &item.sig, &item.attrs);
        }
        fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
            if !is_test(&item.attrs) {
                visit::visit_item_mod(self, item);
            }
        }
    }
    if !source.is_production() {
        return Vec::new();
    }
    let mut public = Public(Vec::new());
    public.visit_file(&source.tree);
    let what = |name: String| format!("{name} can fail, but has no `# Errors` section");
    public
        .0
        .into_iter()
        .map(|(name, line)| finding(source, line, what(name)))
        .collect()
}

fn returns_result(signature: &syn::Signature) -> bool {
    let syn::ReturnType::Type(_, kind) = &signature.output else {
        return false;
    };
    let syn::Type::Path(kind) = kind.as_ref() else {
        return false;
    };
    kind.path
        .segments
        .last()
        .is_some_and(|segment| segment.ident == "Result")
}

fn documentation(attributes: &[syn::Attribute]) -> String {
    let lines = attributes
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            syn::Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
                syn::Expr::Lit(syn::ExprLit {
                    lit: syn::Lit::Str(text),
                    ..
                }) => Some(text.value()),
                _ => None,
            },
            _ => None,
        });
    lines.collect::<Vec<_>>().join("\n")
}

/// Every shipped file begins with what it is about.
pub fn file_documented(source: &Source, _: &Known) -> Vec<Finding> {
    let documented = source.text.lines().find(|line| !line.trim().is_empty());
    let documented =
        documented.is_none_or(|line| line.starts_with("//!") || line.starts_with("#!"));
    let documented = documented || !source.is_production();
    let what = "the file does not begin with `//!` and what it is about";
    (!documented)
        .then(|| finding(source, 1, what.to_owned()))
        .into_iter()
        .collect()
}

/// Nothing is unfinished, printed for debugging, or tied to one machine.
pub fn leftovers(source: &Source, _: &Known) -> Vec<Finding> {
    const WORDS: [&str; 7] = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("dbg", "!("),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("/wor", "k/"),
        concat!("/tm", "p/"),
    ];
    let lines = source.text.lines().enumerate();
    lines
        .flat_map(|(index, line)| {
            let found = WORDS.iter().filter(move |word| line.contains(**word));
            found.map(move |word| finding(source, index + 1, format!("{word} stands here")))
        })
        .collect()
}

/// actix is the business of the runtime layer (`actors/src/rt`) alone.
pub fn actix_stays_inside(source: &Source, _: &Known) -> Vec<Finding> {
    if source.path.starts_with("actors/src/rt") || !source.is_production() {
        return Vec::new();
    }
    let lines = source.text.lines().enumerate();
    lines
        .filter(|(_, line)| {
            let code = line.split("//").next().unwrap_or_default();
            ["actix::", "actix_rt::", "tokio::spawn", "tokio::time::"]
                .iter()
                .any(|word| code.contains(word))
        })
        .map(|(index, line)| {
            finding(
                source,
                index + 1,
                format!("outside the runtime layer: {}", line.trim()),
            )
        })
        .collect()
}

/// `unwrap` and `expect` only with a comment, on the line or right above it, that proves them.
pub fn unwraps(source: &Source, _: &Known) -> Vec<Finding> {
    struct Calls(Vec<usize>);
    impl<'ast> Visit<'ast> for Calls {
        fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
            if call.method == "unwrap" || (call.method == "expect" && call.args.len() == 1) {
                self.0.push(call.method.span().start().line);
            }
            visit::visit_expr_method_call(self, call);
        }
        fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
            if !is_test(&item.attrs) {
                visit::visit_item_mod(self, item);
            }
        }
        fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
            if !is_test(&item.attrs) {
                visit::visit_item_fn(self, item);
            }
        }
    }
    if !source.is_production() {
        return Vec::new();
    }
    let mut calls = Calls(Vec::new());
    calls.visit_file(&source.tree);
    let lines: Vec<&str> = source.text.lines().collect();
    let comment =
        |text: &str| text.contains("//") && !text.contains("///") && !text.contains("//!");
    let proved = |line: usize| {
        let from = line.saturating_sub(5);
        lines[from..line.min(lines.len())]
            .iter()
            .any(|text| comment(text))
    };
    let bare = calls.0.into_iter().filter(|line| !proved(*line));
    bare.map(|line| {
        finding(
            source,
            line,
            "no comment proves this unwrap or expect".to_owned(),
        )
    })
    .collect()
}
