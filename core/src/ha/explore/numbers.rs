//! Each world by a number, in the order in which they were found.

/// The fingerprints of the worlds seen, each with its number: open addressing, no order of its own.
pub(super) struct Numbers {
    prints: Vec<u128>,
    slots: Vec<u32>,
}

const FREE: u32 = u32::MAX;

impl Numbers {
    pub(super) fn new() -> Numbers {
        Numbers {
            prints: Vec::new(),
            slots: vec![FREE; 1 << 12],
        }
    }

    pub(super) fn len(&self) -> usize {
        self.prints.len()
    }

    fn slot(slots: &[u32], prints: &[u128], print: u128) -> usize {
        let mask = slots.len() - 1;
        let mut slot = print as usize & mask;
        while slots[slot] != FREE && prints[slots[slot] as usize] != print {
            slot = (slot + 1) & mask;
        }
        slot
    }

    /// The number of a world, and whether it is new.
    pub(super) fn number(&mut self, print: u128) -> (u32, bool) {
        if self.prints.len() * 2 > self.slots.len() {
            self.grow();
        }
        let slot = Numbers::slot(&self.slots, &self.prints, print);
        if self.slots[slot] != FREE {
            return (self.slots[slot], false);
        }
        let number = self.prints.len() as u32;
        self.slots[slot] = number;
        self.prints.push(print);
        (number, true)
    }

    fn grow(&mut self) {
        let mut slots = vec![FREE; self.slots.len() * 2];
        for (number, print) in self.prints.iter().enumerate() {
            let slot = Numbers::slot(&slots, &self.prints, *print);
            slots[slot] = number as u32;
        }
        self.slots = slots;
    }
}
