//! What became of the messages that sample users write to each other.

/// Counts every message from its sender to its recipient.
#[derive(Debug, Default)]
pub(super) struct Tally {
    talkers: Vec<Written>,
    /// Messages that came back with an error.
    pub(super) bounced: u64,
}

/// What one user has written.
#[derive(Debug, Default)]
struct Written {
    /// How often each was heard, by its number.
    heard: Vec<u8>,
}

/// What came of all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) sent: u64,
    /// Nobody has heard them.
    pub(super) lost: u64,
    /// Heard more than once, each time that was too much.
    pub(super) doubled: u64,
}

impl Tally {
    /// For so many users.
    pub(super) fn of(talkers: usize) -> Self {
        Self {
            talkers: (0..talkers).map(|_| Written::default()).collect(),
            bounced: 0,
        }
    }

    /// This user writes one more; its id.
    pub(super) fn write(&mut self, talker: usize) -> String {
        let heard = &mut self.talkers[talker].heard;
        heard.push(0);
        format!("{talker}.{}", heard.len() - 1)
    }

    /// A message with this id was heard. Others are none of ours.
    pub(super) fn hear(&mut self, id: &str) {
        let place = id.split_once('.').and_then(|(talker, number)| {
            let written = self.talkers.get_mut(talker.parse::<usize>().ok()?)?;
            written.heard.get_mut(number.parse::<usize>().ok()?)
        });
        if let Some(times) = place {
            *times = times.saturating_add(1);
        }
    }

    pub(super) fn sum(&self) -> Sum {
        let all = || self.talkers.iter().flat_map(|written| &written.heard);
        Sum {
            sent: all().count() as u64,
            lost: all().filter(|times| **times == 0).count() as u64,
            doubled: all().map(|times| u64::from(times.saturating_sub(1))).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_and_what_comes_twice_is_counted() {
        let mut tally = Tally::of(2);
        let ids: Vec<String> = [0, 1, 1, 1].map(|one| tally.write(one)).into();
        tally.hear(&ids[0]);
        tally.hear(&ids[2]);
        tally.hear(&ids[2]);
        tally.hear("7.0");
        tally.hear("a stranger's");
        let (sent, lost, doubled) = (4, 2, 1);
        let sum = Sum {
            sent,
            lost,
            doubled,
        };
        assert_eq!(tally.sum(), sum);
    }
}
