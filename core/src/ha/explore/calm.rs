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
