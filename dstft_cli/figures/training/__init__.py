"""Pictures of trainings: losses and window lengths over epochs, scores over window length, and confusions of classes."""
