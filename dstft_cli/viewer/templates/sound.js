// The sound: the recording at an audible speed, and the line that moves with it.

const audio = document.getElementById("sound");
let playing = 0; // the number of the sound

function loadSound(number) {
  const sound = content.sounds[number];
  playing = number;
  audio.hidden = !sound.part;
  if (sound.part) audio.src = `data:${sound.media};base64,${document.getElementById(sound.part).textContent}`;
  document.getElementById("sound-note").textContent = sound.note;
}

// The playing position on the time axis.
const headTime = () => time.factor * (content.sounds[playing].start + audio.currentTime * content.sounds[playing].speed);

function moveHead() {
  results.forEach((one, i) => {
    for (const plot of ["wave", "picture", "curve"]) {
      const line = model(`${plot}${i}-head`);
      line.visible = one.sound === playing && !audio.hidden && (audio.currentTime > 0 || !audio.paused);
      line.location = headTime();
    }
  });
}

function followHead() {
  moveHead();
  const range = model("time"), head = headTime();
  if (!audio.paused && head > range.end && range.end < range.bounds[1]) { // turn the page
    const span = Math.min(range.end - range.start, range.bounds[1] - head);
    range.setv({start: range.bounds[1] - head < span ? range.bounds[1] - span : head, end: head + span});
  }
  if (!audio.paused) requestAnimationFrame(followHead);
}

function playFrom(at) {
  const sound = content.sounds[results[state.on].sound];
  if (results[state.on].sound !== playing) {
    loadSound(results[state.on].sound);
    document.getElementById("recording").value = playing;
  }
  audio.currentTime = Math.max(0, (at / time.factor - sound.start) / sound.speed);
  moveHead();
}

function togglePlay() {
  if (audio.hidden) return;
  if (audio.paused) audio.play().catch(failed); else audio.pause();
}

function setUpSound() {
  const chooser = document.getElementById("recording");
  content.sounds.forEach((sound, k) => chooser.add(new Option(sound.name, k)));
  chooser.hidden = content.sounds.length < 2;
  chooser.addEventListener("change", () => loadSound(Number(chooser.value)));
  audio.addEventListener("play", followHead);
  audio.addEventListener("seeked", moveHead);
  audio.addEventListener("error", () => { document.getElementById("sound-note").textContent = "this browser cannot play the sound"; });
  loadSound(0);
}
