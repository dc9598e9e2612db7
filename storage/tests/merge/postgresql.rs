//! The same on a server: MRG-1, MRG-2, MRG-3.

use std::sync::Arc;

use takeover_storage::{
    ChatStore, Postgres,
    merge::{MergeError, Options, Part},
};

use crate::stage::{Line, SMALL, dump, end, merge_of, sources, three, write_lines};
use crate::support::{
    good,
    postgres::{self, Server},
};

/// Three schemas of a server.
fn schemas(server: &Server) -> [Arc<dyn ChatStore>; 3] {
    ["one", "two", "both"].map(|schema| server.open(schema).chat())
}

/// MRG-2, MRG-3: PostgreSQL's target is the same as any engine's, line by line; and nothing changes
/// when it is run again.
#[test]
fn mrg_2_postgresql() {
    let Some(server) = postgres::server("merge::postgresql::mrg_2_postgresql") else {
        return;
    };
    let (all, memory) = (schemas(&server), three());
    sources(&all);
    sources(&memory);
    let before = [dump(&all[0]), dump(&all[1])];
    let report = end(merge_of(&all).run()).unwrap();
    assert_eq!(end(merge_of(&memory).run()).unwrap(), report);
    let wanted = dump(&memory[2]);
    assert_eq!(dump(&all[2]), wanted);
    assert_eq!([dump(&all[0]), dump(&all[1])], before);
    let again = end(merge_of(&all).run()).unwrap();
    assert_eq!((again.found, dump(&all[2])), (report.messages, wanted));
    let mixed = [all[0].clone(), memory[1].clone(), all[2].clone()];
    let error = end(merge_of(&mixed).run()).unwrap_err();
    assert!(
        matches!(
            error,
            MergeError::DifferentTypes {
                part: Part::Second,
                ..
            }
        ),
        "{error}"
    );
}

/// MRG-1: a database user who may not create tables, and a schema of another version.
#[test]
fn mrg_1_postgresql_privileges_and_schemas() {
    let Some(server) =
        postgres::server("merge::postgresql::mrg_1_postgresql_privileges_and_schemas")
    else {
        return;
    };
    let [a, b, both] = schemas(&server);
    for chat in [&a, &b, &both] {
        good(chat.verify());
    }
    server.sql(
        "CREATE ROLE poor LOGIN PASSWORD 'poor'; GRANT USAGE ON SCHEMA \"both\" TO poor; \
         GRANT ALL ON ALL TABLES IN SCHEMA \"both\" TO poor; \
         GRANT ALL ON ALL SEQUENCES IN SCHEMA \"both\" TO poor",
    );
    let mut settings = server.settings("both");
    (settings.user, settings.password) = ("poor".into(), "poor".into());
    let poor = Postgres::open(settings, postgres::options())
        .unwrap()
        .chat();
    let error = end(merge_of(&[a.clone(), b.clone(), poor]).run()).unwrap_err();
    assert!(matches!(error, MergeError::MayNotCreate { .. }), "{error}");
    server.sql("ALTER TABLE one.takeover_message DROP COLUMN nick");
    let fresh = server.open("one").chat();
    let error = end(merge_of(&[fresh, b, both]).run()).unwrap_err();
    let first = matches!(
        error,
        MergeError::Schema {
            part: Part::First,
            ..
        } | MergeError::Store {
            part: Part::First,
            ..
        }
    );
    assert!(first, "{error}");
}

/// MRG-3: the server is killed on the way, again and again, and comes back: the target is the same.
#[test]
fn mrg_3_postgresql_killed_on_the_way() {
    let Some(mut server) =
        postgres::server("merge::postgresql::mrg_3_postgresql_killed_on_the_way")
    else {
        return;
    };
    let lines: Vec<Line> = (0..2000)
        .map(|n| (n / 5, (n % 3) as u8, (n % 2) as u8))
        .collect();
    let fill = |all: &[Arc<dyn ChatStore>; 3]| {
        for (chat, names) in all.iter().zip([["cave", "hill"], ["hill", "lake"]]) {
            names
                .iter()
                .for_each(|name| write_lines(&**chat, name, &lines));
        }
    };
    let memory = three();
    fill(&memory);
    let options = Options { page: 50, ..SMALL };
    let merge = |all: &[Arc<dyn ChatStore>; 3]| merge_of(all).with_options(options);
    end(merge(&memory).run()).unwrap();
    fill(&schemas(&server));
    let mut interrupted = 0;
    for kill in 1..6 {
        let merge = merge(&schemas(&server));
        let watch = merge.watch();
        let ended = std::thread::scope(|scope| {
            let run = scope.spawn(|| end(merge.run()));
            while watch.status().messages_done < kill * 1000 && !run.is_finished() {
                std::thread::yield_now();
            }
            server.kill();
            run.join().unwrap()
        });
        interrupted += usize::from(ended.is_err());
        server.start();
    }
    assert!(interrupted > 2, "{interrupted}");
    end(merge(&schemas(&server)).run()).unwrap();
    assert_eq!(dump(&schemas(&server)[2]), dump(&memory[2]));
}
