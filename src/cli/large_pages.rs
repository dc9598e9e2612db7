//! Large pages for the heap. Millions of sessions are looked at in no order, and most of the time goes
//! into finding the pages that they are in; with pages of 2 MiB it is a third less.

use std::process::Command;

/// Where glibc reads what its allocator is to do, when a process starts.
const TUNABLES: &str = "GLIBC_TUNABLES";
/// Asks for large pages where the kernel gives them to those who ask (`madvise`).
const LARGE: &str = "glibc.malloc.hugetlb=1";

/// Begins this process anew, with large pages for its heap, unless they were asked for or refused already.
/// Where that cannot be done all goes on as it is: it is slower, and nothing else.
#[cfg(target_os = "linux")]
pub(super) fn ask() {
    use std::os::unix::process::CommandExt;

    let given = std::env::var(TUNABLES).unwrap_or_default();
    if given.contains("glibc.malloc.hugetlb") {
        return;
    }
    let Ok(program) = std::env::current_exe() else {
        return;
    };
    let tunables = match given.is_empty() {
        true => LARGE.to_owned(),
        false => format!("{given}:{LARGE}"),
    };
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_else(|| program.clone().into());
    // It comes back only with an error, and then this process is still what it was.
    let _ = Command::new(program)
        .arg0(name)
        .args(arguments)
        .env(TUNABLES, tunables)
        .exec();
}

/// Elsewhere there is nothing to ask for.
#[cfg(not(target_os = "linux"))]
pub(super) fn ask() {}
