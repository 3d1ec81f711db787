// Messages that nobody should send, the same in every run.
const oddMessages = (n) => {
  let state = 42;
  const next = (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % limit;
  };
  const long = "x".repeat(2_000);
  const values = [
    undefined, null, true, 0, -1, NaN, Infinity, 1e308, 10n, "", long, "ready", "height",
    "article", [], {}, [[[]]], new Date(0), new Map([["waymark", "height"]]), /x/, new Error("x"),
    new Uint8Array(9), new Blob(["x"]), { toString: 1 }, { valueOf: "x" }, "\ud800",
    { waymark: "ready" }, [{ waymark: "height", height: 5 }], "{\"waymark\":\"height\"}",
  ];
  const value = () => values[next(values.length)];
  const kinds = ["height", "article", "ready", "Height", "__proto__", "constructor"];
  const heights = [-5, 0, NaN, Infinity, "900", "1e3px", 1e9, 20_000, null, {}, [900], 10n, 900.5];
  const shaped = () => {
    const waymark = next(3) ? kinds[next(kinds.length)] : value();
    if (waymark === "height") return { waymark, height: heights[next(heights.length)] };
    return { waymark, text: next(2) ? value() : undefined, language: value(), [long]: value() };
  };
  const whole = (message) => !(message?.waymark === "article" && typeof message.text === "string");
  return Array.from({ length: n }, () => (next(2) ? shaped() : value())).filter(whole);
};
