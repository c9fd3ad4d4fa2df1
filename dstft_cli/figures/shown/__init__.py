"""What of a result its pictures show: the band that holds signal, the ends of the recording, its levels, and the means that tell."""
