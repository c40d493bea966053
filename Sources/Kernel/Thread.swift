// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc

/// A POSIX thread, which inherits the CPUs and blocked signals of the thread that starts it.
package struct Thread: Sendable {
  private let handle: pthread_t

  private final class Body {
    let run: @Sendable () -> Void

    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Starts a thread. The corresponding C function is `pthread_create`.
  package init(_ body: @escaping @Sendable () -> Void) throws(Errno) {
    var handle = pthread_t()
    let box = unsafe Unmanaged.passRetained(Body(body))
    let error = unsafe pthread_create(
      &handle, nil,
      { box in
        unsafe Unmanaged<Body>.fromOpaque(box!).takeRetainedValue().run()
        return nil
      }, box.toOpaque())
    guard error == 0 else {
      unsafe box.release()
      throw Errno(error)
    }
    self.handle = handle
  }

  /// CPU time that the thread has used so far, in both modes; `nil` once it has ended. The
  /// corresponding C function is `pthread_getcpuclockid`.
  ///
  /// - Precondition: it was not joined.
  package var cpuTime: Duration? {
    var clock = clockid_t()
    guard unsafe pthread_getcpuclockid(handle, &clock) == 0 else { return nil }
    return CPUTime.of(clock)
  }

  /// Waits until the thread has ended, once for each thread. The corresponding C function is
  /// `pthread_join`.
  package func join() { _ = pthread_join(handle, nil) }
}
