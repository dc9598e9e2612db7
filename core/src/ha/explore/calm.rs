//! Moves that cost no fault: where they lead, and what leads back.

use super::moves::Class;

/// A move that costs no fault, by the number of the world it leads to.
#[derive(Clone, Copy)]
pub(super) struct Calm(u32);

impl Calm {
    pub(super) fn new(to: u32, class: Class) -> Calm {
        Calm(to << 2 | class as u32)
    }

    /// The same move, by the number of the world it starts from.
    pub(super) fn from(self, from: u32) -> Calm {
        Calm(from << 2 | self.0 & 3)
    }

    pub(super) fn to(self) -> usize {
        (self.0 >> 2) as usize
    }

    pub(super) fn is(self, class: Class) -> bool {
        self.0 & 3 == class as u32
    }
}

/// The calm moves, by the world they lead to.
pub(super) struct Backwards {
    starts: Vec<u32>,
    edges: Vec<Calm>,
    steps_out: Vec<u8>,
}

impl Backwards {
    pub(super) fn new(calm: &[Calm], ends: &[u32], states: usize) -> Backwards {
        let mut starts = vec![0u32; states + 1];
        for edge in calm {
            starts[edge.to() + 1] += 1;
        }
        for place in 0..states {
            starts[place + 1] += starts[place];
        }
        let mut next = starts.clone();
        let mut edges = vec![Calm(0); calm.len()];
        let mut steps_out = vec![0u8; states];
        let mut begin = 0;
        for (from, end) in ends.iter().enumerate() {
            for edge in &calm[begin as usize..*end as usize] {
                steps_out[from] += u8::from(edge.is(Class::Step));
                edges[next[edge.to()] as usize] = edge.from(from as u32);
                next[edge.to()] += 1;
            }
            begin = *end;
        }
        Backwards {
            starts,
            edges,
            steps_out,
        }
    }

    fn edges_to(&self, to: usize) -> &[Calm] {
        &self.edges[self.starts[to] as usize..self.starts[to + 1] as usize]
    }

    /// The states from which a goal can be reached by moves of the given kind.
    pub(super) fn reach(&self, goals: &[u32], takes: impl Fn(Calm) -> bool) -> Vec<bool> {
        let mut reached = vec![false; self.starts.len() - 1];
        let mut stack: Vec<usize> = goals.iter().map(|goal| *goal as usize).collect();
        stack.iter().for_each(|goal| reached[*goal] = true);
        while let Some(to) = stack.pop() {
            for edge in self.edges_to(to) {
                if takes(*edge) && !reached[edge.to()] {
                    reached[edge.to()] = true;
                    stack.push(edge.to());
                }
            }
        }
        reached
    }

    /// States from which steps need not end: those left when states without a step are taken away, again
    /// and again.
    pub(super) fn endless(&self, looked_at: usize) -> Vec<bool> {
        let mut left = self.steps_out.clone();
        let states = self.starts.len() - 1;
        let mut ended: Vec<usize> = (0..states).filter(|state| left[*state] == 0).collect();
        while let Some(to) = ended.pop() {
            for edge in self.edges_to(to).iter().filter(|edge| edge.is(Class::Step)) {
                left[edge.to()] -= 1;
                if left[edge.to()] == 0 {
                    ended.push(edge.to());
                }
            }
        }
        left[..looked_at].iter().map(|left| *left > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Moves given as (from, to, class), in the order of where they start.
    fn graph(moves: &[(u32, u32, Class)], states: usize) -> Backwards {
        let calm: Vec<Calm> = moves
            .iter()
            .map(|(_, to, by)| Calm::new(*to, *by))
            .collect();
        let ends = |state| moves.iter().filter(|(from, ..)| *from <= state).count() as u32;
        let ends: Vec<u32> = (0..states as u32).map(ends).collect();
        Backwards::new(&calm, &ends, states)
    }

    /// HA-14: steps end where each way of them ends; a circle of them, and what can only run into
    /// one, does not.
    #[test]
    fn steps_that_need_not_end_are_found() {
        let (step, act) = (Class::Step, Class::Operator);
        let moves = [
            (0, 1, step),
            (0, 2, step),
            (1, 2, step),
            (2, 0, act),
            (3, 4, step),
            (4, 3, step),
            (5, 1, step),
            (5, 4, step),
        ];
        let graph = graph(&moves, 6);
        let endless = [false, false, false, true, true, true];
        assert_eq!(graph.endless(6), endless);
        assert_eq!(
            graph.endless(4),
            endless[..4],
            "of those that were looked at"
        );
    }

    /// What leads to a goal is found through moves of the kind asked for, and no other.
    #[test]
    fn ways_to_a_goal_are_of_the_kind_asked_for() {
        let (step, act) = (Class::Step, Class::Operator);
        let moves = [(0, 1, step), (1, 2, act), (3, 0, step), (4, 2, step)];
        let graph = graph(&moves, 5);
        let by = |class: Class| graph.reach(&[2], |edge| edge.is(class));
        assert_eq!(by(step), [false, false, true, false, true]);
        assert_eq!(by(act), [false, true, true, false, false]);
        assert_eq!(graph.reach(&[2], |_| true), [true; 5]);
    }
}
