//! The source files of the workspace, read and parsed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use syn::visit::Visit;

/// One Rust file.
pub struct Source {
    /// Path from the workspace's root, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
    /// Its syntax tree.
    pub tree: syn::File,
}

impl Source {
    /// A file that exists in a test only.
    pub fn planted(path: &str, text: String) -> Self {
        let tree = syn::parse_file(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self {
            path: path.to_owned(),
            text,
            tree,
        }
    }

    /// Whether the file is part of what is shipped, not of the tests.
    pub fn is_production(&self) -> bool {
        let parts: Vec<&str> = self.path.split('/').collect();
        parts.contains(&"src") && !parts.iter().any(|part| part.starts_with("test"))
    }
}

/// What the rules have to know of the whole tree.
pub struct Known {
    /// Names of the enums that the workspace defines.
    pub enums: BTreeSet<String>,
}

impl Known {
    /// Collects it.
    pub fn of(sources: &[Source]) -> Self {
        struct Enums(BTreeSet<String>);
        impl<'ast> Visit<'ast> for Enums {
            fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
                self.0.insert(item.ident.to_string());
            }
        }
        let mut enums = Enums(BTreeSet::new());
        for source in sources {
            enums.visit_file(&source.tree);
        }
        Self { enums: enums.0 }
    }
}

/// All Rust files of the workspace, in the order of their paths.
pub fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for folder in [
        "core",
        "protocols",
        "storage",
        "actors",
        "loom-tests",
        "fuzz-tests",
        "fuzz",
        "src",
        "tests",
        "examples",
    ] {
        collect(&root.join(folder), &mut paths);
    }
    paths.sort();
    paths.iter().map(|path| read(root, path)).collect()
}

fn read(root: &Path, path: &Path) -> Source {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let short = path
        .strip_prefix(root)
        .unwrap_or(path)
        .to_string_lossy()
        .replace('\\', "/");
    Source::planted(&short, text)
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            if !path.ends_with("target") {
                collect(&path, paths);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}
