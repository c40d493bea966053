// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

extension Configuration {
  /// Reads the command line.
  ///
  /// - Parameter words: What follows the program's name.
  /// - Throws: A failure of kind `.usage`, in one line that names the option.
  package init(words: [String]) throws(Failure) {
    var draft = Draft()
    for given in try OptionScanner.scan(words) {
      if let answer = given.option.answer {
        self = answer
        return
      }
      try draft.add(given)
    }
    self = try draft.configuration()
  }
}
