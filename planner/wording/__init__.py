"""The words that people read: values and phrases, apart from what decides which of them are said."""
