/** A worker that says that it is there, and then sends back what it is told, until it is told to end. */
process.on("message", (message) => {
  if (message === "end") process.exit(3);
  process.send({ echo: message });
});
process.send("here");
