"""Pictures of a result: spectrograms, window lengths, frames, losses, thumbnails."""
