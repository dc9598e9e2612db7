//! What the deployment keeps: users, rooms, histories and node records.
