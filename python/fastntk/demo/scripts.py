# SPDX-License-Identifier: Apache-2.0
"""What the browser does by itself, in JavaScript: choosing, dragging, keys, address, copying."""

from __future__ import annotations

# Points can be added by clicks as long as there may be more.
ON_POINTS = "tool.add = points.get_length() < most"

# One point at a time: two of them would be dragged together.
ON_SELECTION = """
if (cb_obj.indices.length > 1)
  cb_obj.indices = cb_obj.indices.slice(-1)
"""

# The server sends no frame of a play before the last one has been drawn.
ON_LAW = """
requestAnimationFrame(() => cb_obj.tags = [1 + (cb_obj.tags[0] ?? 0)])
"""

# The tool tells of a drag at its end only; the curves follow it on the way, 30 times a second.
ON_PAN = """
const now = performance.now()
if (points.selected.indices.length == 1 && now - (window.fastntk_told ?? 0) > 33) {
  window.fastntk_told = now
  points.setv({data: points.data}, {check_eq: false})
}
"""

# Of two quick taps Bokeh makes a double one, wherever they are: it is a tap like others.
ON_DOUBLE_TAP = """
const view = Bokeh.index.find_one(figure)
const [sx, sy] = [view.frame.x_scale, view.frame.y_scale]
const x = Array.from(points.data.x), y = Array.from(points.data.y)
const {start, end} = figure.x_range, {start: low, end: high} = figure.y_range
const i = x.findIndex((_, i) =>
  Math.hypot(sx.compute(x[i]) - cb_obj.sx, sy.compute(y[i]) - cb_obj.sy) <= 15)
if (i >= 0)
  points.selected.indices = [i]
else if (tool.add && start < cb_obj.x && cb_obj.x < end && low < cb_obj.y && cb_obj.y < high)
  points.data = {x: [...x, cb_obj.x], y: [...y, cb_obj.y]}
"""

# Once per page: what those hear who do not see it; what a pointer and keys do with a chosen point.
ON_READY = """
const inside = (root, wanted) => {
  for (const element of root.querySelectorAll("*")) {
    const found = element.matches(wanted) ? element
      : element.shadowRoot && inside(element.shadowRoot, wanted)
    if (found)
      return found
  }
}
const tell_pressed = (root) => {
  for (const button of root.querySelectorAll(".bk-btn"))
    button.setAttribute("aria-pressed", button.classList.contains("bk-active"))
}
for (const [name, label] of Object.entries(labels)) {
  const place = document.querySelector("." + name)
  const widget = inside(place, "[role=slider], .bk-btn-group, select")
  widget.setAttribute("aria-label", label)
  const hint = place.querySelector(".hint")
  if (hint)
    widget.setAttribute("aria-description", hint.textContent)
  if (widget.matches(".bk-btn-group")) {
    const root = widget.getRootNode()
    widget.role = "group"
    tell_pressed(root)
    new MutationObserver(() => tell_pressed(root)).observe(
      root, {subtree: true, childList: true, attributes: true, attributeFilter: ["class"]})
  }
}
for (const picture of document.querySelectorAll(".figure")) {
  const surface = inside(picture, ".bk-events")
  surface.role = picture.matches(".curves") ? "application" : "img"
  surface.setAttribute("aria-label", picture.dataset.label)
}
const curves = document.querySelector(".figure.curves")
// A drag moves the point it begins at, and none that was chosen before.
document.addEventListener("pointerdown", (event) => {
  const canvas = inside(curves, ".bk-Canvas")
  const [i] = points.selected.indices
  if (i == null || !event.composedPath().includes(canvas))
    return
  const view = Bokeh.index.find_one(figure)
  const {left, top} = canvas.getBoundingClientRect()
  const sx = view.frame.x_scale.compute(points.data.x[i]) + left
  const sy = view.frame.y_scale.compute(points.data.y[i]) + top
  if (Math.hypot(sx - event.clientX, sy - event.clientY) > 15)
    points.selected.indices = []
}, {capture: true})
document.addEventListener("keydown", (event) => {
  const path = event.composedPath()
  if (event.ctrlKey || event.metaKey || event.altKey
      || !(path[0] == document.body || path.includes(curves)))
    return
  const x = Array.from(points.data.x), y = Array.from(points.data.y)
  const [i] = points.selected.indices
  const step = event.shiftKey ? 0.25 : 0.05
  const moves = {ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step],
                 ArrowDown: [0, -step]}
  const inner = (value) => Math.min(Math.max(value, -largest), largest)
  let chosen = i
  if (event.key == "Enter" && x.length)
    chosen = ((i ?? -1) + 1) % x.length
  else if (event.key == "+" && x.length < most)
    chosen = Math.min(x.push(0), y.push(0)) - 1
  else if (i != null && (event.key == "Delete" || event.key == "Backspace")) {
    x.splice(i, 1)
    y.splice(i, 1)
    chosen = null
  } else if (i != null && event.key in moves) {
    x[i] = inner(x[i] + moves[event.key][0])
    y[i] = inner(y[i] + moves[event.key][1])
  } else
    return
  event.preventDefault()
  if (event.key != "Enter")
    points.data = {x, y}
  points.selected.indices = chosen == null ? [] : [chosen]
})
window.fastntk_ready = true
"""

# Once the server is gone nothing can be drawn. The address has all, for the server that comes back.
ON_LOST = """
document.body.classList.add("lost")
document.querySelector(".connection").hidden = false
const again = setInterval(() =>
  fetch(location.href).then((answer) => answer.ok && location.reload(), () => null), 2000)
addEventListener("pagehide", () => clearInterval(again))
"""

# The address is that of the state; going back leaves the page instead of undoing a slider's step.
ON_QUERY = """
const [query] = cb_obj.tags
history.replaceState(null, "", location.pathname + (query ? "?" + query : ""))
"""

# Without https a browser has no clipboard but on the machine itself: then by an invisible text.
ON_COPY = """
const say = (text) => {
  button.label = text
  setTimeout(() => button.label = before, 1600)
}
const before = "Copy link"
const by_text = () => {
  const area = document.createElement("textarea")
  area.value = location.href
  area.style.position = "fixed"
  area.style.opacity = 0
  document.body.append(area)
  area.select()
  const done = document.execCommand("copy")
  area.remove()
  say(done ? "Copied" : "Copy the address above")
}
if (navigator.clipboard)
  navigator.clipboard.writeText(location.href).then(() => say("Copied"), by_text)
else
  by_text()
"""
