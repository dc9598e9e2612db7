//! The rules of an IM and Presence deployment: values in, values out.
